"""Figures over numbers that come in pieces: moments and ranks. No chance is involved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlops.formats.snapshot import QUANTILES

__all__ = ["Moments", "Ranks", "runs"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[Any]]

_POINTS = 1024
"""Order statistics kept of a piece: a rank is wrong by at most half a part in so many."""

_MOST_POINTS = 2**18


def runs(values: Counts) -> tuple[Counts, Counts]:
    """Give the different ones of numbers in order, and how often each occurs, both of shape (m,).

    Args:
        values: shape (n,), in any order, no NaN.
    """
    ordered = np.sort(values)
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(ordered)), dtype=bool), ordered[1:] != ordered[:-1]]))
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


class Moments:
    """Mean and standard deviation, piece by piece (Chan, Golub & LeVeque 1983)."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    def add(self, values: Floats, times: Counts) -> None:
        """Count values, shape (n,), all finite, and how often each occurs, shape (n,)."""
        count = int(times.sum())
        if not count:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # numbers near the largest have no mean
            mean = float((values * times).sum() / count)
            squares = float(((values - mean) ** 2 * times).sum())
        total = self._count + count
        step = mean - self._mean
        self._squares += squares + step**2 * self._count * count / total
        self._mean += step * count / total
        self._count = total

    @property
    def mean(self) -> float | None:
        """Mean; None without values."""
        return self._mean if self._count and math.isfinite(self._mean) else None

    @property
    def std(self) -> float | None:
        """Standard deviation over n; None without values."""
        return math.sqrt(self._squares / self._count) if self._count and math.isfinite(self._squares) else None


class Ranks:
    """Quantiles from evenly spaced order statistics of each piece, weighed by what they stand for."""

    def __init__(self) -> None:
        self._values: list[Floats] = []
        self._weights: list[Floats] = []
        self._low, self._high = math.inf, -math.inf

    def add(self, values: Floats, times: Counts) -> None:
        """Count values, shape (n,), finite and in order, and how often each occurs, shape (n,)."""
        if not len(values):
            return
        self._low, self._high = min(self._low, float(values[0])), max(self._high, float(values[-1]))
        if len(values) <= _POINTS:
            self._values.append(values)
            self._weights.append(times.astype(np.float64))
        else:
            reached = np.cumsum(times)
            ranks = (np.arange(_POINTS) + 0.5) / _POINTS * reached[-1]
            self._values.append(values[np.searchsorted(reached, ranks)])
            self._weights.append(np.full(_POINTS, reached[-1] / _POINTS))
        if len(self._values) * _POINTS > _MOST_POINTS:
            self._thin_out()

    def quantiles(self) -> tuple[float, ...]:
        """Give the least value, each hundredth, and the greatest; nothing without values."""
        if not self._values:
            return ()
        inner = self._at(np.arange(1, QUANTILES) / QUANTILES)
        return (self._low, *(float(value) for value in inner), self._high)

    def _at(self, shares: Floats) -> Floats:
        values, weights = np.concatenate(self._values), np.concatenate(self._weights)
        order = np.argsort(values, kind="stable")
        reached = np.cumsum(weights[order])
        places = np.searchsorted(reached, shares * reached[-1], side="left").clip(max=len(order) - 1)
        found: Floats = values[order][places]
        return found

    def _thin_out(self) -> None:
        total = float(sum(weights.sum() for weights in self._weights))
        points = _MOST_POINTS // 8
        values = self._at((np.arange(points) + 0.5) / points)
        self._values, self._weights = [values], [np.full(points, total / points)]
