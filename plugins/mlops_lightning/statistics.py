"""Measure what a network's layers need to know of the training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from mlops.formats.features import Prepared, PreparedFacts
from mlops_lightning.estimator import Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAMPLE", "measure"]

SAMPLE = 131_072
"""Most rows that quantiles, means and deviations are estimated on, evenly spread over the part."""

_STEPS = 256
"""Quantiles are taken at 0/256 … 256/256."""


def measure(prepared: Prepared) -> Statistics:
    """Measure the train part; only a row group or so and the sample are in memory."""
    facts = prepared.facts
    sample = _sample(prepared, facts)
    mean, deviation = _target(prepared, facts)
    return Statistics(
        rows=prepared.rows("train"),
        quantiles=_quantiles(sample),
        means=_means(sample),
        deviations=_deviations(sample),
        cardinality=_cardinality(prepared, facts),
        mean=mean,
        deviation=deviation,
    )


def _sample(prepared: Prepared, facts: PreparedFacts) -> NDArray[np.float32]:
    """Take every k-th row of the single features: float32 (singles, rows), each feature's values side by side."""
    rows = prepared.rows("train")
    step = max(1, -(-rows // SAMPLE))
    if not facts.singles or not rows:
        return np.zeros((len(facts.singles), 1), np.float32)
    taken, start = [], 0
    with pq.ParquetFile(prepared.path("train")) as file:
        for batch in file.iter_batches(batch_size=SAMPLE, columns=list(facts.singles)):
            frame = pl.DataFrame(pl.from_arrow(batch)).select(facts.singles)
            taken.append(frame.gather_every(step, offset=-start % step).to_numpy().T)
            start += batch.num_rows
    return np.ascontiguousarray(np.hstack(taken), dtype=np.float32)


def _quantiles(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate quantiles linearly between the sorted values that are numbers."""
    ordered = np.sort(sample, axis=1)
    known = np.isfinite(ordered).sum(axis=1)
    made = np.zeros((len(sample), _STEPS + 1), np.float32)
    for place, (values, count) in enumerate(zip(ordered, known, strict=True)):
        if count:
            at = np.linspace(0, count - 1, _STEPS + 1)
            made[place] = np.interp(at, np.arange(count), values[np.isfinite(values)])
    return made


def _means(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    counts = np.isfinite(sample).sum(axis=1)
    sums = np.where(np.isfinite(sample), sample, 0).sum(axis=1, dtype=np.float64)
    made: NDArray[np.float32] = (sums / np.maximum(counts, 1)).astype(np.float32)
    return made


def _deviations(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation of a feature's numbers; 1 where they are all the same."""
    finite = np.isfinite(sample)
    distance = np.where(finite, sample - _means(sample)[:, None], 0).astype(np.float64)
    found = np.sqrt((distance**2).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)).astype(np.float32)
    made: NDArray[np.float32] = np.where(found > 0, found, np.float32(1))
    return made


def _cardinality(prepared: Prepared, facts: PreparedFacts) -> tuple[int, ...]:
    if not facts.categorical:
        return ()
    highest = _scan(prepared).select(pl.col(facts.categorical).max()).collect().row(0)
    return tuple(1 if code is None else max(1, int(code) + 1) for code in highest)


def _target(prepared: Prepared, facts: PreparedFacts) -> tuple[float, float]:
    """Mean and deviation of a regression's target, each row by its weight; 0 and 1 for classes."""
    if facts.task != "regression":
        return 0.0, 1.0
    column = pl.col("__target__").cast(pl.Float64)
    mean = _value(prepared, _average(column, weighed=prepared.weighed))
    variance = _value(prepared, _average((column - mean) ** 2, weighed=prepared.weighed))
    return mean, variance**0.5 or 1.0


def _average(values: pl.Expr, *, weighed: bool) -> pl.Expr:
    weight = pl.col("__weight__")
    return (values * weight).sum() / weight.sum() if weighed else values.mean()


def _value(prepared: Prepared, expression: pl.Expr) -> float:
    found: Any = _scan(prepared).select(expression).collect().item()
    return float(found or 0.0)


def _scan(prepared: Prepared) -> pl.LazyFrame:
    return pl.scan_parquet(prepared.path("train"))
