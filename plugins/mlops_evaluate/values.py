"""Metrics of regression: errors, explained variance and rank correlation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mlops_evaluate.catalogue import MetricName
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.statistic import Statistic

__all__ = ["Errors", "MedianError", "Spearman"]

_NAN = float("nan")


class Errors(Statistic):
    """Metrics that are means of something over rows."""

    names: ClassVar[tuple[MetricName, ...]] = ("rmse", "mae", "r2", "mape", "mean_error")

    def __init__(self, scored: Scored) -> None:
        self._target = scored.target
        self._error = scored.positive - scored.target
        self._known = (scored.target != 0).astype(np.float64)
        size = np.where(scored.target == 0, 1.0, np.abs(scored.target))
        self._relative = self._known * np.abs(self._error) / size

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        total = weight.sum()
        square = np.sum(weight * self._error**2)
        middle = np.sum(weight * self._target) / total
        spread = np.sum(weight * (self._target - middle) ** 2)
        known = np.sum(weight * self._known)
        return {
            "rmse": float(np.sqrt(square / total)),
            "mae": float(np.sum(weight * np.abs(self._error)) / total),
            "r2": float(1 - square / spread) if spread > 0 else _NAN,
            "mape": float(np.sum(weight * self._relative) / known) if known > 0 else _NAN,
            "mean_error": float(np.sum(weight * self._error) / total),
        }


class MedianError(Statistic):
    """Weighted median of the absolute error: halfway between the two middle errors when they tie."""

    names: ClassVar[tuple[MetricName, ...]] = ("median_ae",)

    def __init__(self, scored: Scored) -> None:
        error = np.abs(scored.positive - scored.target)
        self._order = np.argsort(error, kind="stable")
        self._error = error[self._order]

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        ranked = weight[self._order]
        kept = np.flatnonzero(ranked > 0)
        reached = np.cumsum(ranked[kept])
        half = reached[-1] / 2
        first = int(np.searchsorted(reached, half, side="left"))
        last = int(np.searchsorted(reached, half, side="right"))
        middle = self._error[kept[[first, min(last, kept.size - 1)]]]
        return {"median_ae": float(middle.mean())}


class Spearman(Statistic):
    """Pearson correlation of weighted mid-ranks; with whole weights it equals that of repeated rows."""

    names: ClassVar[tuple[MetricName, ...]] = ("spearman",)

    def __init__(self, scored: Scored) -> None:
        self._groups = [np.unique(values, return_inverse=True)[1] for values in (scored.positive, scored.target)]

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,); NaN when either side is constant."""
        total = weight.sum()
        one, other = (_centred_ranks(group, weight) for group in self._groups)
        spread = np.sum(weight * one**2) * np.sum(weight * other**2)
        # Ranks of a constant are equal up to rounding, so its spread is never more than that.
        if spread <= (1e-12 * total**3) ** 2:
            return {"spearman": _NAN}
        return {"spearman": float(np.sum(weight * one * other) / np.sqrt(spread))}


def _centred_ranks(group: np.ndarray[tuple[int], np.dtype[np.intp]], weight: Floats) -> Floats:
    size = np.bincount(group, weights=weight)
    middle = np.cumsum(size) - size / 2
    ranks: Floats = (middle - np.sum(size * middle) / size.sum())[group]
    return ranks
