"""Columns in their training types → the tensors that a features graph takes, in training and in serving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops.errors import StageError
from mlops.formats.words import words_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from mlops.formats.features import Input

__all__ = ["NULL_CATEGORY", "NULL_TIME", "raw_series", "tensor", "tensors"]

NULL_CATEGORY = "\u2205"
"""Stands for a null in a string input of the graph (the empty-set sign)."""

NULL_TIME = -(2**63)
"""Stands for a null in a datetime input of the graph."""


def raw_series(item: Input, series: pl.Series) -> pl.Series:
    """Bring a column into the form of its ONNX input: float32, text, or int64 milliseconds; no nulls.

    Raises:
        StageError: text that should be a time cannot be read as one.
    """
    made, null = _converted(item, series)
    # Filling costs more than a single row's whole scoring, so it is left out where nothing is missing.
    return made.fill_null(null) if made.null_count() else made


def _converted(item: Input, series: pl.Series) -> tuple[pl.Series, float | str]:
    """The column in its tensor's type, and what stands for a null in it."""
    import polars as pl

    if item.kind == "numeric":
        return series.cast(pl.Float32), float("nan")
    if item.words is not None:
        return words_of(series, item.words), NULL_CATEGORY
    if item.kind in ("categorical", "text"):
        return series.cast(pl.String), NULL_CATEGORY
    return _milliseconds(series), NULL_TIME


def _milliseconds(series: pl.Series) -> pl.Series:
    import polars as pl

    if series.dtype == pl.String:
        from mlops.formats.moments import moments

        read = moments(series)
        if read.null_count() > series.null_count():
            raise StageError(
                f"the column {series.name!r} has text that is no time",
                fix="give ISO 8601 times, such as 2013-01-31T18:00:00",
            )
        series = read
    elif series.dtype in (pl.Date, pl.Null):
        series = series.cast(pl.Datetime("ms"))
    return series.dt.epoch("ms")


def tensor(item: Input, series: pl.Series) -> np.ndarray[Any, Any]:
    """Make one input of a features graph: float32, object (text) or int64, (rows, width)."""
    if item.kind == "image":
        from mlops.formats.pictures import pixels

        return pixels(series, item.shape)
    return raw_series(item, series).to_numpy().reshape(-1, 1)


def tensors(frame: pl.DataFrame, inputs: Sequence[Input]) -> dict[str, np.ndarray[Any, Any]]:
    """Make the feed of a features graph.

    Args:
        frame: rows whose columns have the types they had in training; others are ignored.
        inputs: the graph's inputs.

    Returns:
        Input name → array (rows, width).
    """
    return {item.name: tensor(item, frame[item.name]) for item in inputs}
