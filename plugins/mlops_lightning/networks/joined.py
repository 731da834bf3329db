"""What a network reads in its own way (an image, a text), and what stands beside it."""

from __future__ import annotations

import torch
from torch import Tensor

from mlops_lightning.networks.layers import Chain, Dropout, Layer, Linear
from mlops_lightning.networks.onnx_nodes import Nodes
from mlops_lightning.networks.table_input import TableInput

__all__ = ["Joined", "with_head"]


class Joined(Layer):
    """(rows, features) → (rows, numbers of the reader + numbers of the other features)."""

    def __init__(self, reader: Layer, beside: TableInput) -> None:
        super().__init__()
        self.reader = reader
        self.beside = beside

    def forward(self, value: Tensor) -> Tensor:
        """Read both, side by side."""
        return torch.cat([self.reader(value), self.beside(value)], dim=1)

    def emit(self, nodes: Nodes, value: str) -> str:
        """Read both, side by side."""
        return nodes.add("Concat", self.reader.emit(nodes, value), self.beside.emit(nodes, value), axis=1)


def with_head(reader: Layer, width: int, beside: TableInput, *, dropout: float, outputs: int) -> Chain:
    """Put a linear head on a reader of so many numbers and on the features beside it, when there are any."""
    read = Joined(reader, beside) if beside.width else reader
    return Chain([read, Dropout(dropout), Linear(width + beside.width, outputs)])
