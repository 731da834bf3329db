"""The layers that networks are made of, each with its ONNX nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mlops_lightning.networks.onnx_nodes import Nodes

__all__ = ["FAR", "BatchNorm", "Chain", "Dropout", "Finite", "Layer", "LayerNorm", "Linear", "Relu", "Residual"]

FAR = 1e9
"""Infinite numbers become this, so that their products stay finite."""


class Layer(nn.Module, ABC):
    """A step from one tensor to another, in torch and in ONNX."""

    @abstractmethod
    def forward(self, value: Tensor) -> Tensor:
        """Compute."""

    @abstractmethod
    def emit(self, nodes: Nodes, value: str) -> str:
        """Add nodes that compute what `forward` does in evaluation; returns the name of the output."""


class Chain(Layer):
    """Layers one after the other."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, value: Tensor) -> Tensor:
        """Go through all."""
        for layer in self.layers:
            value = layer(value)
        return value

    def emit(self, nodes: Nodes, value: str) -> str:
        """Go through all."""
        for layer in self.layers:
            value = cast("Layer", layer).emit(nodes, value)
        return value


class Linear(nn.Linear, Layer):
    """Affine map of the last axis: (rows, inputs) → (rows, outputs), other axes in between allowed."""

    def __init__(self, inputs: int, outputs: int, *, axes: Literal[2, 3] = 2) -> None:
        super().__init__(inputs, outputs)
        self._axes = axes

    def emit(self, nodes: Nodes, value: str) -> str:
        """One Gemm for two axes, else a product and a sum."""
        if self._axes == 2:  # noqa: PLR2004 - rows and one more
            return nodes.add("Gemm", value, nodes.weight(self.weight), nodes.weight(self.bias), transB=1)
        return nodes.add("Add", nodes.add("MatMul", value, nodes.weight(self.weight.T)), nodes.weight(self.bias))


class Relu(nn.ReLU, Layer):
    """max(x, 0)."""

    def emit(self, nodes: Nodes, value: str) -> str:
        """One node."""
        return nodes.add("Relu", value)


class Dropout(nn.Dropout, Layer):
    """Sets a share of the values to 0 in training (Srivastava et al. 2014)."""

    def emit(self, nodes: Nodes, value: str) -> str:  # noqa: ARG002 - nothing to add
        """Nothing: it does nothing in evaluation."""
        return value


class Finite(Layer):
    """NaN becomes 0, what is infinite becomes merely very large."""

    def forward(self, value: Tensor) -> Tensor:
        """Replace."""
        return torch.nan_to_num(value, nan=0.0, posinf=FAR, neginf=-FAR)

    def emit(self, nodes: Nodes, value: str) -> str:
        """Replace; large finite values are left alone, as in torch."""
        known = nodes.add("Where", nodes.add("IsNaN", value), nodes.numbers(0.0), value)
        far = nodes.add("Where", nodes.add("IsInf", known, detect_negative=0), nodes.numbers(FAR), known)
        return nodes.add("Where", nodes.add("IsInf", far, detect_positive=0), nodes.numbers(-FAR), far)


class BatchNorm(Layer):
    """Batch normalisation (Ioffe & Szegedy 2015) of axis 1 of (rows, channels, …)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, value: Tensor) -> Tensor:
        """Normalise by the batch in training; a single number has no spread, so then by what is known so far."""
        batch = self.training and value.numel() > value.shape[1]
        return functional.batch_norm(value, self.mean, self.variance, self.weight, self.bias, training=batch)

    def emit(self, nodes: Nodes, value: str) -> str:
        """One node."""
        weights = (nodes.weight(item) for item in (self.weight, self.bias, self.mean, self.variance))
        return nodes.add("BatchNormalization", value, *weights, epsilon=1e-5)


class LayerNorm(nn.LayerNorm, Layer):
    """Normalisation of the last axis (Ba et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__(width)

    def emit(self, nodes: Nodes, value: str) -> str:
        """One node."""
        weights = (nodes.weight(self.weight), nodes.weight(self.bias))
        return nodes.add("LayerNormalization", value, *weights, axis=-1, epsilon=self.eps)


class Residual(Layer):
    """A branch added to what goes past it (He et al. 2016)."""

    def __init__(self, branch: Layer, *, past: Layer | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.past = past

    def forward(self, value: Tensor) -> Tensor:
        """Add both."""
        past = value if self.past is None else self.past(value)
        added: Tensor = past + self.branch(value)
        return added

    def emit(self, nodes: Nodes, value: str) -> str:
        """Add both."""
        past = value if self.past is None else self.past.emit(nodes, value)
        return nodes.add("Add", past, self.branch.emit(nodes, value))
