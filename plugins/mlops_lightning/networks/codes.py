"""Codes of categories as learnt vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from onnx import TensorProto
from torch import Tensor, nn
from torch.nn import functional

from mlops_lightning.networks.layers import Layer
from mlops_lightning.networks.onnx_nodes import Nodes

__all__ = ["Codes"]


class Codes(Layer):
    """A vector for each code of each feature (Guo & Berkhahn 2016): (rows, n) → (rows, n * width).

    One table holds those of all features. Its row 0, for codes that training never saw, stays 0.
    """

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(1 + sum(sizes), width) * width**-0.5)
        with torch.no_grad():
            self.vectors[0].zero_()
        starts = torch.tensor([0, *sizes[:-1]]).cumsum(0) + 1
        self.sizes: Tensor
        self.starts: Tensor
        self.register_buffer("sizes", torch.tensor(sizes, dtype=torch.float32))
        self.register_buffer("starts", starts.float())

    def forward(self, value: Tensor) -> Tensor:
        """Look up."""
        known = (value >= 0) & (value < self.sizes)
        places = torch.where(known, value + self.starts, 0.0).long()
        return functional.embedding(places, self.vectors, padding_idx=0).flatten(1)

    def emit(self, nodes: Nodes, value: str) -> str:
        """Look up."""
        above = nodes.add("GreaterOrEqual", value, nodes.numbers(0.0))
        known = nodes.add("And", above, nodes.add("Less", value, nodes.weight(self.sizes)))
        shifted = nodes.add("Add", value, nodes.weight(self.starts))
        places = nodes.add("Cast", nodes.add("Where", known, shifted, nodes.numbers(0.0)), to=TensorProto.INT64)
        found = nodes.add("Gather", nodes.weight(self.vectors), places, axis=0)
        return nodes.reshape(found, -1, self.sizes.shape[0] * self.vectors.shape[1])
