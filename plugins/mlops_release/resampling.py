"""How sure the difference of two models is: the paired percentile bootstrap (Efron & Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops_release.catalogue import BETTER, MetricName
from mlops_release.metrics import measure_of
from mlops_release.outcomes import Floats, Outcomes

__all__ = ["Draws", "Gain", "gain_of"]

_DEFINED_SHARE = 0.9
"""An interval over fewer defined resamples than this would say little of the rest."""


@dataclass(frozen=True)
class Draws:
    """How rows are resampled."""

    resamples: int
    confidence: float
    """Share of resamples between the ends of the interval."""

    seed: int


@dataclass(frozen=True)
class Gain:
    """How much better one model is than another, in the direction in which the metric is better."""

    mine: float
    other: float
    value: float
    low: float
    high: float


def gain_of(name: MetricName, mine: Outcomes, other: Outcomes, *, draws: Draws) -> Gain | None:
    """Measure both models under the same resamples of the same rows.

    Args:
        name: the metric.
        mine: of one model.
        other: of the model it is held against, same rows in the same order.
        draws: how rows are resampled; each class keeps its number of rows.

    Returns:
        The gain with its interval; None where the metric is undefined for these rows.
    """
    measures = measure_of(name, mine), measure_of(name, other)
    values = [measure(mine.weight) for measure in measures]
    if not np.isfinite(values).all():
        return None
    strata = mine.target if mine.task != "regression" else np.zeros(mine.rows, np.int64)
    members = [np.flatnonzero(strata == value) for value in np.unique(strata)]
    generator = np.random.default_rng(draws.seed)
    gains = np.empty(draws.resamples)
    for index in range(draws.resamples):
        weight = mine.weight * _drawn(generator, members, rows=mine.rows)
        gains[index] = BETTER[name] * (measures[0](weight) - measures[1](weight))
    ends = _ends(gains, draws.confidence)
    if ends is None:
        return None
    return Gain(values[0], values[1], BETTER[name] * (values[0] - values[1]), *ends)


def _drawn(generator: np.random.Generator, members: list[np.ndarray[Any, Any]], *, rows: int) -> Floats:
    """Draw as many rows as there are, with replacement, within each stratum: how often each was drawn, (rows,)."""
    times = np.empty(rows)
    for places in members:
        drawn = generator.integers(0, places.size, size=places.size, dtype=np.int32)
        times[places] = np.bincount(drawn, minlength=places.size)
    return times


def _ends(gains: Floats, confidence: float) -> tuple[float, float] | None:
    defined = gains[np.isfinite(gains)]
    if not defined.size or defined.size < _DEFINED_SHARE * gains.size:
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
