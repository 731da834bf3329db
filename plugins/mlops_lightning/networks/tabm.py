"""TabM: many perceptrons in one, that share almost all their weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mlops_lightning.networks.layers import Chain, Layer
from mlops_lightning.networks.mlp import perceptron
from mlops_lightning.networks.onnx_nodes import Nodes
from mlops_lightning.networks.table_input import TableInput

__all__ = ["MemberLinear", "TabMNetwork"]


class TabMNetwork(Layer):
    """TabM-mini: (rows, features) → (rows, members, outputs), each member's own; trained each on its own loss.

    Gorishniy, Kotelnikov & Babenko (2024), "TabM: Advancing Tabular Deep Learning with
    Parameter-Efficient Ensembling". Every member multiplies the encoded features by
    its own vector (as in BatchEnsemble, Wen et al. 2020) and has its own output layer; what lies
    between is shared. Numbers that stem from the same feature start with the same factor.
    """

    def __init__(
        self, inputs: TableInput, hidden: Sequence[int], *, members: int, dropout: float, outputs: int
    ) -> None:
        super().__init__()
        self.inputs = inputs
        chunks = torch.tensor(inputs.chunks)
        embedded = bool((chunks > 1).any())
        drawn = torch.randn(members, len(chunks))
        # Factors of plain features start as signs: one near 0 would hide the feature from its member.
        factors = drawn if embedded else drawn.sign() + (drawn == 0)
        self.factors = nn.Parameter(factors.repeat_interleave(chunks, dim=1))
        layers, width = perceptron(inputs.width, hidden, dropout=dropout, axes=3)
        self.shared = Chain(layers)
        self.heads = MemberLinear(members, width, outputs)

    def forward(self, value: Tensor) -> Tensor:
        """Multiply, go through the shared layers, then through each member's own."""
        made: Tensor = self.heads(self.shared(self.inputs(value).unsqueeze(1) * self.factors))
        return made

    def emit(self, nodes: Nodes, value: str) -> str:
        """Multiply, go through the shared layers, then through each member's own."""
        single = nodes.reshape(self.inputs.emit(nodes, value), -1, 1, self.inputs.width)
        own = nodes.add("Mul", single, nodes.weight(self.factors))
        return self.heads.emit(nodes, self.shared.emit(nodes, own))


class MemberLinear(Layer):
    """An affine map of its own for each member: (rows, members, inputs) → (rows, members, outputs)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        reach = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(members * outputs).uniform_(-reach, reach))

    def forward(self, value: Tensor) -> Tensor:
        """Multiply member by member."""
        return torch.einsum("rmi,mio->rmo", value, self.weight) + self.bias.view(-1, self.weight.shape[2])

    def emit(self, nodes: Nodes, value: str) -> str:
        """Multiply member by member."""
        product = nodes.add("MatMul", nodes.add("Transpose", value, perm=[1, 0, 2]), nodes.weight(self.weight))
        return nodes.add(
            "Add",
            nodes.add("Transpose", product, perm=[1, 0, 2]),
            nodes.weight(self.bias.view(-1, self.weight.shape[2])),
        )
