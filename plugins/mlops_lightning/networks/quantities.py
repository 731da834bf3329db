"""Quantities as the first layer sees them: as they are, or each turned into a vector of its own.

Gorishniy, Rubachev & Babenko (2022), "On Embeddings for Numerical Features in Tabular Deep Learning".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlops_lightning.networks.layers import Layer
from mlops_lightning.networks.onnx_nodes import Nodes

__all__ = ["Periodic", "PiecewiseLinear", "Standardise", "edges_of"]

Floats = np.ndarray[Any, np.dtype[np.float32]]

_LARGEST = 3e38
_NARROWEST = 1e-4
"""Narrowest bin, in standard deviations."""


class Standardise(Layer):
    """(x - centre) / spread of each feature (rows, n)."""

    def __init__(self, centre: Floats, spread: Floats) -> None:
        super().__init__()
        self.centre: Tensor
        self.factor: Tensor
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float32))
        self.register_buffer("factor", 1 / torch.tensor(spread, dtype=torch.float32))

    def forward(self, value: Tensor) -> Tensor:
        """Shift and scale."""
        return (value - self.centre) * self.factor

    def emit(self, nodes: Nodes, value: str) -> str:
        """Shift and scale."""
        return nodes.add("Mul", nodes.add("Sub", value, nodes.weight(self.centre)), nodes.weight(self.factor))


class _PerFeature(nn.Module):
    """A linear map of its own for each feature: (n, rows, inputs) → (rows, n * outputs)."""

    def __init__(self, features: int, inputs: int, outputs: int, *, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features, inputs, outputs).uniform_(-start, start))
        self.bias = nn.Parameter(torch.zeros(features * outputs))

    def forward(self, value: Tensor) -> Tensor:
        """Multiply feature by feature."""
        made = torch.bmm(value, self.weight.to(value.dtype))
        return made.transpose(0, 1).flatten(1) + self.bias

    def emit(self, nodes: Nodes, value: str) -> str:
        """Multiply feature by feature; takes (rows, n, inputs)."""
        features, _, outputs = self.weight.shape
        product = nodes.add("MatMul", nodes.add("Transpose", value, perm=[1, 0, 2]), nodes.weight(self.weight))
        flat = nodes.reshape(nodes.add("Transpose", product, perm=[1, 0, 2]), -1, features * outputs)
        return nodes.add("Add", flat, nodes.weight(self.bias))


class PiecewiseLinear(Layer):
    """A sum of a linear map and a piecewise linear one, section 3.2 of the paper: (rows, n) → (rows, n * width).

    Bin t of a feature with edges b gives (x - b[t-1]) / (b[t] - b[t-1]), held within 0 and 1 except
    beyond the first and the last edge. The piecewise part starts at 0, as in TabM's (Gorishniy et al. 2024).
    """

    def __init__(self, edges: list[Floats], width: int) -> None:
        super().__init__()
        bins = max(len(found) - 1 for found in edges)
        tables = np.stack([_bins(found, bins) for found in edges])
        for place, name in enumerate(("lower", "slope", "least", "most")):
            self.register_buffer(name, torch.tensor(tables[:, place]))
        self.lower: Tensor
        self.slope: Tensor
        self.least: Tensor
        self.most: Tensor
        self.straight = nn.Parameter(torch.empty(len(edges), width).uniform_(-1, 1))
        self.bent = _PerFeature(len(edges), bins, width, start=0.0)
        nn.init.uniform_(self.bent.bias, -1, 1)

    def forward(self, value: Tensor) -> Tensor:
        """Where in its bins each value is, then linear."""
        # (n, rows, bins), so that the product over features needs no copy.
        places = (value.T.unsqueeze(-1) - self.lower.unsqueeze(1)) * self.slope.unsqueeze(1)
        places = torch.clamp(places, self.least.unsqueeze(1), self.most.unsqueeze(1))
        bent: Tensor = self.bent(places)
        return bent + (value.unsqueeze(-1) * self.straight).flatten(1)

    def emit(self, nodes: Nodes, value: str) -> str:
        """Where in its bins each value is, then linear."""
        features, width = self.straight.shape
        single = nodes.reshape(value, -1, features, 1)
        places = nodes.add("Sub", single, nodes.weight(self.lower))
        places = nodes.add("Mul", places, nodes.weight(self.slope))
        places = nodes.add("Max", places, nodes.weight(self.least))
        places = nodes.add("Min", places, nodes.weight(self.most))
        straight = nodes.add("Mul", single, nodes.weight(self.straight))
        return nodes.add("Add", self.bent.emit(nodes, places), nodes.reshape(straight, -1, features * width))


def _bins(edges: Floats, bins: int) -> Floats:
    """Lower edge, slope, least and most of each bin, float32 (4, bins); bins beyond the feature's own give 0."""
    made = np.zeros((4, bins), np.float32)
    own = len(edges) - 1
    made[0, :own] = edges[:-1]
    made[1, :own] = 1 / np.diff(edges)
    made[3, :own] = 1
    made[2, 0], made[3, own - 1] = -_LARGEST, _LARGEST
    return made


def edges_of(quantiles: Floats, bins: int) -> Floats:
    """Pick the edges of at most so many bins out of a feature's quantiles (rising), at least two."""
    places = np.linspace(0, len(quantiles) - 1, bins + 1).round().astype(int)
    edges = [float(quantiles[0])]
    for place in places[1:]:
        if quantiles[place] - edges[-1] > _NARROWEST:
            edges.append(float(quantiles[place]))
    return np.asarray(edges if len(edges) > 1 else [edges[0], edges[0] + 1], np.float32)


class Periodic(Layer):
    """ReLU of a linear map of sin and cos of learnt frequencies, "PLR" of the paper: (rows, n) → (rows, n * width)."""

    def __init__(self, features: int, width: int, *, frequencies: int, sigma: float) -> None:
        super().__init__()
        # Draws beyond 3 sigma would make functions too jagged to learn.
        drawn = torch.nn.init.trunc_normal_(torch.empty(features, frequencies), 0, sigma, -3 * sigma, 3 * sigma)
        self.frequencies = nn.Parameter(drawn)
        self.mix = _PerFeature(features, 2 * frequencies, width, start=(2 * frequencies) ** -0.5)

    def forward(self, value: Tensor) -> Tensor:
        """Angles, their points on the circle, then linear."""
        angles = value.T.unsqueeze(-1) * (2 * math.pi * self.frequencies).unsqueeze(1)
        return torch.relu(self.mix(torch.cat([angles.sin(), angles.cos()], dim=-1)))

    def emit(self, nodes: Nodes, value: str) -> str:
        """Angles, their points on the circle, then linear."""
        single = nodes.reshape(value, -1, len(self.frequencies), 1)
        angles = nodes.add("Mul", single, nodes.weight(2 * math.pi * self.frequencies))
        circle = nodes.add("Concat", nodes.add("Sin", angles), nodes.add("Cos", angles), axis=-1)
        return nodes.add("Relu", self.mix.emit(nodes, circle))
