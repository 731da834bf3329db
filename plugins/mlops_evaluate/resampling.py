"""Confidence intervals by the percentile bootstrap (Efron & Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops_evaluate.catalogue import METRICS, MetricName
from mlops_evaluate.families import Measures
from mlops_evaluate.scored import Floats, Scored

__all__ = ["Interval", "intervals", "multiplicities"]

_DEFINED_SHARE = 0.9
"""An interval over fewer defined resamples than this would say little of the rest."""


@dataclass(frozen=True)
class Interval:
    """Ends of an interval, or why there is none."""

    low: float | None = None
    high: float | None = None
    reason: str = ""


def multiplicities(strata: np.ndarray[Any, np.dtype[np.int64]], *, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw rows with replacement within each stratum.

    Args:
        strata: stratum of each row, (rows,); resamples keep every stratum's size.
        resamples: how many to draw.
        seed: equal seeds draw equal rows.

    Yields:
        How often each row was drawn, (rows,).
    """
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == value) for value in np.unique(strata)]
    for _ in range(resamples):
        times = np.empty(strata.shape[0])
        for rows in members:
            drawn = generator.integers(0, rows.size, size=rows.size)
            times[rows] = np.bincount(drawn, minlength=rows.size)
        yield times


def intervals(
    measures: Measures,
    scored: Scored,
    times: Iterator[Floats],
    *,
    confidence: float,
) -> Mapping[MetricName, Interval]:
    """Measure every resample and cut the same share off both ends.

    Args:
        measures: prepared for the rows of ``scored``.
        scored: the rows, whose own weights multiply those of a resample.
        times: how often each row was drawn, one array a resample.
        confidence: share of resamples within the interval.
    """
    names = [name for name in measures.names if not METRICS[name].resampled]
    rows = [_row(measures, names, scored.weight * drawn) for drawn in times]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    found = {name: _interval(table[:, index], confidence) for index, name in enumerate(names)}
    return {name: found.get(name) or Interval(reason=METRICS[name].resampled) for name in measures.names}


def _row(measures: Measures, names: list[MetricName], weight: Floats) -> list[float]:
    if weight.sum() <= 0:  # only rows of weight 0 were drawn
        return [float("nan")] * len(names)
    found = measures(weight)
    return [found[name] for name in names]


def _interval(values: Floats, confidence: float) -> Interval:
    if not values.size:
        return Interval(reason="no resamples were asked for")
    defined = values[np.isfinite(values)]
    if defined.size < _DEFINED_SHARE * values.size:
        return Interval(reason=f"undefined in {values.size - defined.size} of {values.size} resamples")
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))
