"""Layers of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mlops_lightning.networks.layers import BatchNorm, Layer, Relu
from mlops_lightning.networks.onnx_nodes import Nodes

__all__ = ["Convolution", "MaxPool", "MeanPool", "convolved"]


class Convolution(nn.Conv2d, Layer):
    """Convolution without a bias, which the batch normalisation behind it would take away."""

    def __init__(self, inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
        # The draw of He et al. (2015), for layers followed by ReLU.
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, value: Tensor) -> Tensor:
        """Convolve; the channels of a pixel lie side by side in memory, which the kernels take less time for."""
        return super().forward(value).contiguous(memory_format=torch.channels_last)

    def emit(self, nodes: Nodes, value: str) -> str:
        """One node."""
        size, stride = self.kernel_size[0], self.stride[0]
        return nodes.add(
            "Conv",
            value,
            nodes.weight(self.weight),
            kernel_shape=[size, size],
            pads=[size // 2] * 4,
            strides=[stride, stride],
        )


class MaxPool(nn.MaxPool2d, Layer):
    """The largest of each 2 by 2 pixels."""

    def __init__(self) -> None:
        super().__init__(2)

    def emit(self, nodes: Nodes, value: str) -> str:
        """One node."""
        return nodes.add("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])


class MeanPool(Layer):
    """The mean of each channel: (rows, channels, height, width) → (rows, channels)."""

    def forward(self, value: Tensor) -> Tensor:
        """Average."""
        return value.mean(dim=(2, 3))

    def emit(self, nodes: Nodes, value: str) -> str:
        """Average."""
        return nodes.add("ReduceMean", value, nodes.integers([2, 3]), keepdims=0)


def convolved(inputs: int, outputs: int, *, stride: int = 1) -> list[Layer]:
    """Convolution 3 by 3, batch normalisation, ReLU."""
    return [Convolution(inputs, outputs, stride=stride), BatchNorm(outputs), Relu()]
