"""A small convolutional network for images."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_lightning.networks.convolution import MaxPool, MeanPool, convolved
from mlops_lightning.networks.layers import Chain, Layer

__all__ = ["cnn"]

_LEAST = 4
"""Images with a side below this are not halved further."""


def cnn(shape: Sequence[int], channels: Sequence[int], *, convolutions: int) -> tuple[Layer, int]:
    """Make stages of convolutions (LeCun et al. 1998) with batch normalisation; the image halves after each.

    Args:
        shape: channels, height and width of the image.
        channels: of each stage.
        convolutions: how many in a stage.

    Returns:
        (rows, channels, height, width) → (rows, features), and how many features.
    """
    inputs, height, width = shape
    layers: list[Layer] = []
    for place, outputs in enumerate(channels, start=1):
        for _ in range(convolutions):
            layers += convolved(inputs, outputs)
            inputs = outputs
        if place < len(channels) and min(height, width) >= _LEAST:
            layers.append(MaxPool())
            height, width = height // 2, width // 2
    return Chain([*layers, MeanPool()]), inputs
