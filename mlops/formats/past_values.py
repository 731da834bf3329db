"""How the values of ranges become one column: a function of the recipe → numbers, in the right type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from mlops.formats.history import Function
from mlops.formats.ranges import Ranges, distinct, extremes, spreads, totals

__all__ = ["ANSWERS", "has_value"]

Array = np.ndarray[Any, np.dtype[Any]]
Answer = Callable[[pl.Series, Ranges], pl.Series]


def has_value(values: pl.Series) -> pl.Series:
    """Say where there is a value that is neither null nor NaN."""
    present = values.is_not_null()
    return present & values.is_not_nan().fill_null(value=False) if values.dtype.is_float() else present


def _count(values: pl.Series, ranges: Ranges) -> pl.Series:
    del values
    return pl.Series(ranges.sizes, dtype=pl.Int64)


def _sum(values: pl.Series, ranges: Ranges) -> pl.Series:
    """Sum in float64: whole numbers exactly up to 2^53, and none can overflow unseen."""
    return pl.Series(totals(_array(values, pl.Float64), ranges))


def _mean(values: pl.Series, ranges: Ranges) -> pl.Series:
    return _where_any(_sum(values, ranges) / pl.Series(ranges.sizes), ranges)


def _std(values: pl.Series, ranges: Ranges) -> pl.Series:
    return _where_any(pl.Series(spreads(_array(values, pl.Float64), ranges)), ranges, least=2)


def _extreme(values: pl.Series, ranges: Ranges, *, largest: bool) -> pl.Series:
    """Times and truth values are compared by the whole numbers that they are stored as."""
    if values.dtype.is_decimal() or values.dtype in (pl.Null, pl.Int128, pl.UInt128):
        values = values.cast(pl.Float64)
    stored = values.cast(pl.UInt8) if values.dtype == pl.Boolean else values.to_physical()
    found = pl.Series(extremes(stored.to_numpy(), ranges, largest=largest))
    return _where_any(found, ranges).cast(values.dtype)


def _min(values: pl.Series, ranges: Ranges) -> pl.Series:
    return _extreme(values, ranges, largest=False)


def _max(values: pl.Series, ranges: Ranges) -> pl.Series:
    return _extreme(values, ranges, largest=True)


def _nunique(values: pl.Series, ranges: Ranges) -> pl.Series:
    if values.dtype == pl.Boolean:
        values = values.cast(pl.UInt8)
    codes = values.rank("dense").cast(pl.Int64).to_numpy() if len(values) else np.zeros(0, dtype=np.int64)
    return pl.Series(distinct(codes, ranges))


def _last(values: pl.Series, ranges: Ranges) -> pl.Series:
    places = _where_any(pl.Series(ranges.end - 1), ranges)
    return values.gather(places)


def _array(values: pl.Series, dtype: type[pl.DataType]) -> Array:
    return np.asarray(values.cast(dtype).to_numpy())


def _where_any(answers: pl.Series, ranges: Ranges, *, least: int = 1) -> pl.Series:
    """Put null where a range has fewer values than the answer needs."""
    few = ranges.sizes < least
    return answers.set(pl.Series(few), None) if few.any() else answers


ANSWERS: Mapping[Function, Answer] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "min": _min,
    "max": _max,
    "std": _std,
    "nunique": _nunique,
    "last": _last,
    "share": _mean,
    "since": _last,
}
