"""Columns of the training rows as their inputs tell them: type, range, a typical value."""

from __future__ import annotations

from typing import Any

import polars as pl

from mlops.formats.features import Input
from mlops.formats.inputs import raw_series
from mlops_features.options import Kind

__all__ = ["describe", "typical"]


def describe(series: pl.Series, kind: Kind) -> tuple[Input, pl.Series]:
    """Describe a column as far as it tells without looking at what it holds.

    Returns:
        Its input, and the column in the form in which the graph takes it.
    """
    item = Input(name=series.name, kind=kind, dtype=str(series.dtype), nullable=bool(series.null_count()))
    return item, raw_series(item, series)


def typical(series: pl.Series, kind: Kind, *, seen: tuple[str, ...] = ()) -> Any:
    """Find a value that stands for the column, as a JSON value; nobody's own. None where nothing is there.

    Args:
        series: training values.
        kind: what the column is.
        seen: its categories as text, most frequent first.
    """
    present = series.drop_nulls()
    if not len(present):
        return None
    if kind == "datetime":
        return present.sort()[len(present) // 2].isoformat()
    if kind != "numeric":
        text = present.cast(pl.String)
        return present[int((text == (seen[0] if seen else _most_frequent(text))).arg_max() or 0)]
    if series.dtype == pl.Boolean:
        return _number(present.mean()) >= 0.5  # noqa: PLR2004 - the more frequent of two
    middle = _number(present.cast(pl.Float64).median())
    return int(middle) if series.dtype.is_integer() else middle


def _most_frequent(text: pl.Series) -> str:
    counted = text.alias("value").value_counts(name="rows").sort(["rows", "value"], descending=[True, False])
    return str(counted["value"][0])


def _number(value: Any) -> float:
    return float(value or 0.0)
