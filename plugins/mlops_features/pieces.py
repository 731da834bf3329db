"""Numbers through lines drawn between points: quantiles, normal scores, bins; exact in float32.

Quantiles with ties follow scikit-learn's ``QuantileTransformer``: a value that many training rows
share gets the middle of their shares, the smallest gets 0 and the largest 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

__all__ = ["Pieces", "bins", "levels_of", "normal_scores", "quantile_bins", "shares", "width_bins"]

Doubles = np.ndarray[Any, np.dtype[np.float64]]
Singles = np.ndarray[Any, np.dtype[np.float32]]

_EXTREME = 1e-7
"""Shares nearer to 0 or 1 than this count as this, so that their normal score is finite."""

_HALVINGS = 14
"""Points added between the outermost quantiles, where a normal score is far from a straight line."""


@dataclass(frozen=True)
class Pieces:
    """A function that is a line on each piece: value + (x − start) × slope; all numbers are float32.

    Piece i holds from edge i−1 on and below edge i.
    """

    edges: tuple[float, ...]
    starts: tuple[float, ...]
    values: tuple[float, ...]
    slopes: tuple[float, ...]

    def apply(self, numbers: Singles) -> Singles:
        """Compute it for float32 (rows,); NaN stays NaN."""
        starts, values, slopes = (np.asarray(part, np.float32) for part in (self.starts, self.values, self.slopes))
        piece = np.searchsorted(np.asarray(self.edges, np.float32), numbers, side="right")
        with np.errstate(over="ignore", invalid="ignore"):  # the graph's arithmetic does not warn either
            made: Singles = values[piece] + (numbers - starts[piece]) * slopes[piece]
        return made


def levels_of(count: int) -> Doubles:
    """Space shares evenly from 0 to 1."""
    return np.linspace(0, 1, count)


def shares(quantiles: Doubles, levels: Doubles) -> Pieces:
    """Draw the line from each quantile to its share of the training rows.

    Args:
        quantiles: float64 (n,), rising.
        levels: the share of each, float64 (n,).
    """
    return _through(*_points(quantiles, levels))


def normal_scores(quantiles: Doubles, levels: Doubles) -> Pieces:
    """Draw the line from each quantile to the standard normal's quantile of its share, as in `shares`."""
    points, low, middle, high = _points(*_with_tails(quantiles, levels))
    return _through(points, *(_scores(part) for part in (low, middle, high)))


def quantile_bins(quantiles: Doubles, low: float) -> Pieces:
    """Number the bins between quantiles; bins without a training row are merged."""
    return bins(np.unique(quantiles[quantiles > low].astype(np.float32)))


def width_bins(low: float, high: float, *, count: int) -> Pieces:
    """Number bins of one width."""
    edges = np.unique(np.linspace(low, high, count + 1)[1:-1].astype(np.float32))
    return bins(edges[edges > np.float32(low)])


def bins(edges: Singles) -> Pieces:
    """Number the bins between rising edges, from 0."""
    zeros = (0.0,) * (len(edges) + 1)
    return Pieces(tuple(edges.tolist()), zeros, tuple(float(number) for number in range(len(edges) + 1)), zeros)


def _points(quantiles: Doubles, levels: Doubles) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Join equal quantiles: their value, lowest, middle and highest share."""
    points, first, count = np.unique(quantiles.astype(np.float32), return_index=True, return_counts=True)
    low, high = levels[first], levels[first + count - 1]
    middle = (low + high) / 2
    if len(points) > 1:
        middle[0], middle[-1] = levels[0], levels[-1]
    return points.astype(np.float64), low, middle, high


def _through(points: Doubles, low: Doubles, middle: Doubles, high: Doubles) -> Pieces:
    """Connect points by lines; where many rows share a value the function jumps there."""
    edges, pieces = [points[0]], [(0.0, low[0], 0.0)]
    for place, point in enumerate(points):
        if low[place] < high[place] or place == len(points) - 1:
            pieces.append((0.0, middle[place], 0.0))
            edges.append(np.nextafter(np.float32(point), np.float32(np.inf)))
        if place < len(points) - 1:
            pieces.append((point, high[place], _slope(points, high, low, place=place)))
            edges.append(points[place + 1])
    pieces.append((0.0, high[-1], 0.0))
    starts, values, slopes = np.asarray(pieces, np.float32).T.tolist()
    return Pieces(tuple(np.asarray(edges, np.float32).tolist()), tuple(starts), tuple(values), tuple(slopes))


def _slope(points: Doubles, high: Doubles, low: Doubles, *, place: int) -> float:
    slope = (low[place + 1] - high[place]) / (points[place + 1] - points[place])
    return float(slope) if slope < np.finfo(np.float32).max else 0.0


def _with_tails(quantiles: Doubles, levels: Doubles) -> tuple[Doubles, Doubles]:
    """Add points ever nearer to the ends."""
    halves = 0.5 ** np.arange(_HALVINGS, 0, -1)
    after = [(part[0] + (part[1] - part[0]) * halves) for part in (quantiles, levels)]
    before = [(part[-1] - (part[-1] - part[-2]) * halves[::-1]) for part in (quantiles, levels)]
    sides = zip((quantiles, levels), after, before, strict=True)
    joined, shared = (np.concatenate([part[:1], left, part[1:-1], right, part[-1:]]) for part, left, right in sides)
    return np.maximum.accumulate(joined), np.maximum.accumulate(shared)


def _scores(levels: Doubles) -> Doubles:
    inside = np.clip(levels, _EXTREME, 1 - _EXTREME)
    return np.array([NormalDist().inv_cdf(level) for level in inside])
