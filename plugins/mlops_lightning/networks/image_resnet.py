"""A residual network for images."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_lightning.networks.convolution import Convolution, MeanPool, convolved
from mlops_lightning.networks.layers import BatchNorm, Chain, Layer, Relu, Residual

__all__ = ["image_resnet"]


def image_resnet(inputs: int, channels: Sequence[int], *, blocks: int) -> tuple[Layer, int]:
    """Make a ResNet for small images: He, Zhang, Ren & Sun (2016), "Deep Residual Learning", section 4.2.

    A convolution, then stages of blocks of two; each stage after the first halves the image. A
    block whose input has another shape is passed by through a convolution of size 1 (their option B).

    Args:
        inputs: channels of the image.
        channels: of each stage.
        blocks: how many in a stage.

    Returns:
        (rows, channels, height, width) → (rows, features), and how many features.
    """
    layers = convolved(inputs, channels[0])
    inputs = channels[0]
    for stage, outputs in enumerate(channels):
        for block in range(blocks):
            layers += _block(inputs, outputs, stride=2 if stage and not block else 1)
            inputs = outputs
    return Chain([*layers, MeanPool()]), inputs


def _block(inputs: int, outputs: int, *, stride: int) -> list[Layer]:
    past = None
    if stride > 1 or inputs != outputs:
        past = Chain([Convolution(inputs, outputs, size=1, stride=stride), BatchNorm(outputs)])
    branch = Chain([*convolved(inputs, outputs, stride=stride), Convolution(outputs, outputs), BatchNorm(outputs)])
    return [Residual(branch, past=past), Relu()]
