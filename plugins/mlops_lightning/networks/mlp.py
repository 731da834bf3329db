"""Multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mlops_lightning.networks.layers import Chain, Dropout, Layer, Linear, Relu
from mlops_lightning.networks.table_input import TableInput

__all__ = ["MLPNetwork", "perceptron"]


def perceptron(
    inputs: int, hidden: Sequence[int], *, dropout: float, axes: Literal[2, 3] = 2
) -> tuple[list[Layer], int]:
    """Make the hidden layers, Linear-ReLU-Dropout each.

    Returns:
        The layers, and the width of the last one's output.
    """
    layers: list[Layer] = []
    for width in hidden:
        layers += [Linear(inputs, width, axes=axes), Relu()]
        if dropout:
            layers.append(Dropout(dropout))
        inputs = width
    return layers, inputs


class MLPNetwork(Chain):
    """Linear-ReLU-Dropout a few times, then linear: (rows, features) → (rows, outputs).

    The simple baseline of Gorishniy et al. (2021), "Revisiting Deep Learning Models for Tabular
    Data", that is hard to beat by much once tuned.
    """

    def __init__(self, inputs: TableInput, hidden: Sequence[int], *, dropout: float, outputs: int) -> None:
        layers, width = perceptron(inputs.width, hidden, dropout=dropout)
        super().__init__([inputs, *layers, Linear(width, outputs)])
