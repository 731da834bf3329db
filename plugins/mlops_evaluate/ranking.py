"""Metrics of order: area under the ROC curve and average precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mlops_evaluate.catalogue import MetricName
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.statistic import Statistic

__all__ = ["OneVsRest", "Order", "Ranking"]


class Order:
    """Rows from the best score down, ties together: sorted once, counted under any weights."""

    def __init__(self, score: Floats, positive: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        """Sort rows by score.

        Args:
            score: larger means more positive, (rows,).
            positive: which rows are, (rows,).
        """
        self._order = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        self._positive = positive[self._order].astype(np.float64)
        self._ends = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
        self.thresholds: Floats = ranked[self._ends]
        """Each distinct score, falling."""

    def counts(self, weight: Floats) -> tuple[Floats, Floats]:
        """Weigh what is called positive at each threshold.

        Returns:
            True positives and all positives called, each (thresholds,).
        """
        ranked = weight[self._order]
        found = np.cumsum(ranked * self._positive)[self._ends]
        called = np.cumsum(ranked)[self._ends]
        return found, called

    def roc_auc(self, weight: Floats) -> float:
        """Area under the ROC curve by the trapezoid rule (Fawcett 2006); NaN with one class."""
        found, called = self.counts(weight)
        return _area(found, called - found)

    def average_precision(self, weight: Floats) -> float:
        """Precision at each threshold, weighed by the recall that it adds; NaN without positives."""
        return _average_precision(*self.counts(weight))


class Ranking(Statistic):
    """Binary metrics of order."""

    names: ClassVar[tuple[MetricName, ...]] = ("roc_auc", "average_precision")

    def __init__(self, scored: Scored) -> None:
        self._order = Order(scored.positive, scored.target == 1)

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        found, called = self._order.counts(weight)
        return {"roc_auc": _area(found, called - found), "average_precision": _average_precision(found, called)}


class OneVsRest(Statistic):
    """Multiclass ROC AUC: the plain mean of each class against all others (Provost & Domingos 2003)."""

    names: ClassVar[tuple[MetricName, ...]] = ("roc_auc_ovr",)

    def __init__(self, scored: Scored) -> None:
        self._orders = [Order(scored.scores[:, index], scored.target == index) for index in range(scored.classes)]

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,); NaN when a class has no rows."""
        return {"roc_auc_ovr": float(np.mean([order.roc_auc(weight) for order in self._orders]))}


def _area(found: Floats, false: Floats) -> float:
    total = found[-1] * false[-1]
    if total <= 0:
        return float("nan")
    width = np.diff(false, prepend=0.0)
    height = found - np.diff(found, prepend=0.0) / 2
    return float(np.sum(width * height) / total)


def _average_precision(found: Floats, called: Floats) -> float:
    if found[-1] <= 0:
        return float("nan")
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    return float(np.sum(np.diff(found, prepend=0.0) * precision) / found[-1])
