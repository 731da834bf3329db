"""Every metric of one part: value, interval, and what the naive baseline reaches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlops.formats.table import Task
from mlops_evaluate.baseline import with_constant
from mlops_evaluate.catalogue import METRICS, MetricName
from mlops_evaluate.families import prepare
from mlops_evaluate.resampling import Interval, intervals, multiplicities
from mlops_evaluate.scored import Floats, Scored

__all__ = ["Measured", "Setting", "measure"]

_EVEN = 0.5
"""The baseline calls the more common class, whatever threshold the model has."""


@dataclass(frozen=True)
class Measured:
    """One metric on one part; None is undefined, for the reason given."""

    value: float | None
    low: float | None
    high: float | None
    baseline: float | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the form in which it is written; the reason only when there is one."""
        found = {"value": self.value, "low": self.low, "high": self.high, "baseline": self.baseline}
        return found | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True)
class Setting:
    """What holds for every part."""

    task: Task
    names: tuple[MetricName, ...]
    threshold: float
    bootstrap: int
    confidence: float
    seed: int

    def reseeded(self, step: int) -> Setting:
        """Give each part draws of its own."""
        return replace(self, seed=self.seed + step)


def measure(scored: Scored, setting: Setting, *, constant: Floats) -> Mapping[MetricName, Measured]:
    """Measure one part.

    Args:
        scored: its predictions.
        setting: what to measure and how.
        constant: scores of the naive baseline, (classes,) or (1,).
    """
    measures = prepare(setting.task, setting.names, scored, threshold=setting.threshold)
    naive = prepare(setting.task, setting.names, with_constant(scored, constant), threshold=_EVEN)
    strata = np.zeros(scored.rows, np.int64) if setting.task == "regression" else scored.target
    times = multiplicities(strata, resamples=setting.bootstrap, seed=setting.seed)
    ends = intervals(measures, scored, times, confidence=setting.confidence)
    values, floor = measures(scored.weight), naive(scored.weight)
    return {name: _measured(name, values[name], ends[name], floor[name]) for name in setting.names}


def _measured(name: MetricName, value: float, ends: Interval, baseline: float) -> Measured:
    describes = METRICS[name].better == "none"
    floor = baseline if math.isfinite(baseline) and not describes else None
    if not math.isfinite(value):
        return Measured(None, None, None, floor, METRICS[name].undefined)
    return Measured(value, ends.low, ends.high, floor, ends.reason)
