"""Metrics of probabilities: log loss, Brier score and calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mlops_evaluate.catalogue import MetricName
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.statistic import Statistic

__all__ = ["BINS", "Brier", "CalibrationError", "LogLoss", "Reliability"]

BINS = 15
"""Equal-width bins of a calibration error, as in Guo et al. 2017."""


class LogLoss(Statistic):
    """Mean negative logarithm of the probability of what happened (natural logarithm)."""

    names: ClassVar[tuple[MetricName, ...]] = ("log_loss",)

    def __init__(self, scored: Scored) -> None:
        given = scored.scores[np.arange(scored.rows), scored.target]
        tiny = np.finfo(np.float64).eps
        self._loss = -np.log(np.clip(given, tiny, 1 - tiny))

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        return {"log_loss": _mean(self._loss, weight)}


class Brier(Statistic):
    """Mean squared difference of the positive's probability and what happened (Brier 1950)."""

    names: ClassVar[tuple[MetricName, ...]] = ("brier",)

    def __init__(self, scored: Scored) -> None:
        self._square = (scored.positive - scored.target) ** 2

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        return {"brier": _mean(self._square, weight)}


class Reliability:
    """Rows in equal-width bins of the probability that is promised.

    Binary: of the positive class. Multiclass: of the class with the best score (the confidence).
    """

    def __init__(self, scored: Scored, *, binary: bool) -> None:
        promised = scored.positive if binary else scored.scores.max(axis=1)
        label = 1 if binary else scored.scores.argmax(axis=1)
        self.promised: Floats = promised
        self.happened: Floats = (scored.target == label).astype(np.float64)
        self._bin = np.minimum((promised * BINS).astype(np.int64), BINS - 1)

    def total(self, values: Floats) -> Floats:
        """Add up values (rows,) in each bin, (bins,)."""
        return np.bincount(self._bin, weights=values, minlength=BINS).astype(np.float64, copy=False)


class CalibrationError(Statistic):
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017): each bin's gap, by its weight."""

    names: ClassVar[tuple[MetricName, ...]] = ("ece",)

    def __init__(self, scored: Scored, *, binary: bool) -> None:
        self._bins = Reliability(scored, binary=binary)
        self._gap = self._bins.happened - self._bins.promised

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        gaps = np.abs(self._bins.total(weight * self._gap))
        return {"ece": float(gaps.sum() / weight.sum())}


def _mean(values: Floats, weight: Floats) -> float:
    return float(np.sum(values * weight) / weight.sum())
