"""Columns as Polars sees them on the way to features: raw values, parts of times."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import polars as pl

from mlops.formats.features import Input
from mlops.formats.inputs import NULL_TIME, raw_series
from mlops_features.options import TimePart
from mlops_features.plan import PERIODS

__all__ = ["circle", "part_index", "quantity_value", "raw_column"]

_PARTS: Mapping[TimePart, str] = {
    "year": "year",
    "month": "month",
    "day": "day",
    "dayofyear": "ordinal_day",
    "weekday": "weekday",
    "hour": "hour",
    "minute": "minute",
}


_RAW: Mapping[str, type[pl.DataType]] = {"numeric": pl.Float32, "categorical": pl.String, "datetime": pl.Int64}


def raw_column(item: Input) -> pl.Expr:
    """Bring an input column into the form in which the graph takes it, by the code that serves it too."""
    return pl.col(item.name).map_batches(partial(raw_series, item), return_dtype=_RAW[item.kind], is_elementwise=True)


def quantity_value(column: str, part: TimePart | None) -> pl.Expr:
    """Read a number or one part of a time from a raw frame, as float32; missing is NaN."""
    if part is None:
        return pl.col(column)
    return _masked(column, _part(column, part).cast(pl.Float32), missing=pl.lit(float("nan"), dtype=pl.Float32))


def part_index(column: str, part: TimePart) -> pl.Expr:
    """Place of a part on its circle, from 0; a missing time is one past the last."""
    first, period = PERIODS[part]
    return _masked(column, _part(column, part).cast(pl.Int64) - first, missing=pl.lit(period, dtype=pl.Int64))


def circle(part: TimePart) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Sine and cosine of each place on the circle, and the middle for a missing time.

    Returns:
        float32 (period + 1, 2).
    """
    period = PERIODS[part][1]
    angle = 2 * np.pi * np.arange(period) / period
    points = np.column_stack([np.sin(angle), np.cos(angle)])
    return np.vstack([points, np.zeros((1, 2))]).astype(np.float32)


def _part(column: str, part: TimePart) -> pl.Expr:
    safe = pl.when(pl.col(column) == NULL_TIME).then(pl.lit(0, dtype=pl.Int64)).otherwise(pl.col(column))
    value: pl.Expr = getattr(safe.cast(pl.Datetime("ms")).dt, _PARTS[part])()
    return value


def _masked(column: str, value: pl.Expr, *, missing: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(column) == NULL_TIME).then(missing).otherwise(value)
