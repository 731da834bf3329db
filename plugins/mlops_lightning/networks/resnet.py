"""Residual network for tables."""

from __future__ import annotations

from mlops_lightning.networks.layers import BatchNorm, Chain, Dropout, Layer, Linear, Relu, Residual
from mlops_lightning.networks.table_input import TableInput

__all__ = ["ResNetNetwork"]


class ResNetNetwork(Chain):
    """Linear, then residual blocks BatchNorm-Linear-ReLU-Dropout-Linear, then BatchNorm-ReLU-Linear.

    Section 3.2 of Gorishniy, Rubachev, Khrulkov & Babenko (2021), "Revisiting Deep Learning
    Models for Tabular Data", less its second dropout, at the end of a block: (rows, features) →
    (rows, outputs).

    Args:
        inputs: the first layer.
        width: numbers a row between blocks.
        hidden: numbers a row within a block.
        blocks: how many blocks.
        dropout: share of the numbers within a block that are dropped.
        outputs: raw outputs a row.
    """

    def __init__(
        self, inputs: TableInput, *, width: int, hidden: int, blocks: int, dropout: float, outputs: int
    ) -> None:
        made = [Residual(_branch(width, hidden, dropout=dropout)) for _ in range(blocks)]
        super().__init__([inputs, Linear(inputs.width, width), *made, BatchNorm(width), Relu(), Linear(width, outputs)])


def _branch(width: int, hidden: int, *, dropout: float) -> Layer:
    dropped = [Dropout(dropout)] if dropout else []
    return Chain([BatchNorm(width), Linear(width, hidden), Relu(), *dropped, Linear(hidden, width)])
