"""The first layer of every network: single features (and what blocks are not read otherwise) as one vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.networks.codes import Codes
from mlops_lightning.networks.columns import Columns, take
from mlops_lightning.networks.layers import Chain, Finite, Layer
from mlops_lightning.networks.onnx_nodes import Nodes
from mlops_lightning.networks.quantities import Periodic, PiecewiseLinear, Standardise, edges_of

if TYPE_CHECKING:
    from mlops_lightning.estimator import Statistics

__all__ = ["Embedding", "TableInput"]

Floats = np.ndarray[Any, np.dtype[np.float32]]

_SMALLEST, _LARGEST = 0.05, 4.0
"""A feature whose values all lie below the one, or whose mean or spread is above the other, gets standardised."""


@dataclass(frozen=True)
class Embedding:
    """How single features become numbers."""

    numeric: Literal["plain", "piecewise_linear", "periodic"] = "plain"
    numeric_width: int = 16
    bins: int = 32
    frequencies: int = 16
    sigma: float = 0.1
    category_width: int = 8


class TableInput(Layer):
    """(rows, features) → (rows, width): quantities, then codes, then features of blocks, each group side by side.

    Missing quantities become the mean, infinite ones very large. Where every feature is a
    well-scaled plain quantity, that is all that is done.
    """

    def __init__(
        self, facts: PreparedFacts, statistics: Statistics, embedding: Embedding, *, apart: Block | None = None
    ) -> None:
        super().__init__()
        columns = Columns.of(facts, apart=apart)
        embedded, plain = _divided(embedding, statistics, columns)
        groups: list[tuple[tuple[int, ...], int, Callable[[], Layer]]] = [
            (embedded, embedding.numeric_width, partial(_embedded, embedding, statistics, embedded)),
            (plain, 1, partial(_plain, statistics, plain)),
            (columns.codes, embedding.category_width, partial(_codes, embedding, statistics, facts, columns)),
            (columns.rest, 1, Finite),
        ]
        there = [group for group in groups if group[0]]
        self.chunks: tuple[int, ...] = tuple(width for places, width, _ in there for _ in places)
        """How many numbers each feature becomes, in order."""
        self.width = sum(self.chunks)
        """All of them; 0 when there is nothing to read, and then this layer cannot be called."""
        self._places = [places for places, _, _ in there]
        self.groups = torch.nn.ModuleList(make() for _, _, make in there)
        self._whole = self._places == [tuple(range(len(facts.features)))]
        for number, places in enumerate(self._places):
            self.register_buffer(f"index_{number}", torch.tensor(places), persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        """Encode each group, side by side."""
        if self._whole:
            # The quickest way through: small steps of training feel every call.
            whole: Tensor = self.groups[0](value)
            return whole
        made = [
            group(take(value, places, self.get_buffer(f"index_{number}")))
            for number, (places, group) in enumerate(zip(self._places, self.groups, strict=True))
        ]
        return made[0] if len(made) == 1 else torch.cat(made, dim=1)

    def emit(self, nodes: Nodes, value: str) -> str:
        """Encode each group, side by side."""
        made = [
            cast("Layer", group).emit(nodes, nodes.columns(value, places))
            for places, group in zip(self._places, self.groups, strict=True)
        ]
        return made[0] if len(made) == 1 else nodes.add("Concat", *made, axis=1)


def _divided(embedding: Embedding, statistics: Statistics, columns: Columns) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tell quantities that become vectors from those that stay as they are: all if plain, and those of two values."""
    if embedding.numeric == "plain":
        return (), columns.quantities
    # Between the values of a 0/1 column one quantile may lie that was interpolated.
    rows = {place: statistics.quantiles[place] for place in columns.quantities}
    many = {place for place, row in rows.items() if ((row > row[0]) & (row < row[-1])).sum() > 1}
    return (
        tuple(place for place in columns.quantities if place in many),
        tuple(place for place in columns.quantities if place not in many),
    )


def _embedded(embedding: Embedding, statistics: Statistics, places: tuple[int, ...]) -> Layer:
    """Standardise what needs it, fill what is missing, make vectors."""
    centre, spread = _scale(statistics, places)
    filled = _plain(statistics, places)
    if embedding.numeric == "periodic":
        frequencies, sigma = embedding.frequencies, embedding.sigma
        return Chain([filled, Periodic(len(places), embedding.numeric_width, frequencies=frequencies, sigma=sigma)])
    quantiles = (statistics.quantiles[list(places)] - centre[:, None]) / spread[:, None]
    edges = [edges_of(row, embedding.bins) for row in quantiles]
    return Chain([filled, PiecewiseLinear(edges, embedding.numeric_width)])


def _plain(statistics: Statistics, places: tuple[int, ...]) -> Layer:
    """Standardise what needs it, fill what is missing."""
    centre, spread = _scale(statistics, places)
    if centre.any() or (spread != 1).any():
        return Chain([Standardise(centre, spread), Finite()])
    return Finite()


def _scale(statistics: Statistics, places: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Centre and spread of features that are far from standardised; 0 and 1 of the others, 0/1 columns among them."""
    chosen = list(places)
    means, deviations = statistics.means[chosen], statistics.deviations[chosen]
    size = np.abs(statistics.quantiles[chosen]).max(axis=1)
    wild = (np.abs(means) > _LARGEST) | (deviations > _LARGEST) | ((size > 0) & (size < _SMALLEST))
    return np.where(wild, means, 0).astype(np.float32), np.where(wild, deviations, 1).astype(np.float32)


def _codes(embedding: Embedding, statistics: Statistics, facts: PreparedFacts, columns: Columns) -> Layer:
    sizes = dict(zip(facts.categorical, statistics.cardinality, strict=True))
    return Codes([sizes[facts.features[place]] for place in columns.codes], embedding.category_width)
