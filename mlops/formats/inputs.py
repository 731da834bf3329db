"""Rows as a frame → the tensors that a features graph takes, the same way in training and in serving."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mlops.errors import StageError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from mlops.formats.features import Input

__all__ = ["NULL_CATEGORY", "NULL_TIME", "check_columns", "raw_series", "tensors"]

NULL_CATEGORY = "\u2205"
"""Stands for a null in a string input of the graph (the empty-set sign)."""

NULL_TIME = -(2**63)
"""Stands for a null in a datetime input of the graph."""

_WANTED = {
    "numeric": "a number or true/false",
    "datetime": "a date, a time stamp or ISO 8601 text",
}


def check_columns(frame: pl.DataFrame, inputs: Sequence[Input]) -> None:
    """See that every input is there and has a fitting type; further columns are ignored.

    Raises:
        StageError: a column is missing, or has a type that does not fit.
    """
    present = set(frame.columns)
    faults = [fault for item in inputs if (fault := _fault(frame, item, present=present))]
    if faults:
        names = ", ".join(item.name for item in inputs)
        raise StageError("; ".join(faults), fix=f"give rows with the columns {names}")


def _fault(frame: pl.DataFrame, item: Input, *, present: set[str]) -> str:
    if item.name not in present:
        near = get_close_matches(item.name, frame.columns, n=1, cutoff=0.6)
        hint = f" (is it {near[0]!r}?)" if near else ""
        return f"the column {item.name!r} ({wanted(item)}) is missing{hint}"
    dtype = frame[item.name].dtype
    if str(dtype) == item.dtype or _fits(item, dtype):
        return ""
    return f"the column {item.name!r} is {dtype}, expected {wanted(item)}"


def wanted(item: Input) -> str:
    """Say what an input takes."""
    return _WANTED.get(item.kind, f"a category given as {item.dtype}")


def _fits(item: Input, dtype: pl.DataType) -> bool:
    import polars as pl

    if dtype == pl.Null:
        return True
    if item.kind == "numeric":
        return dtype.is_numeric() or dtype == pl.Boolean
    if item.kind == "datetime":
        return dtype in (pl.Date, pl.Datetime, pl.String)
    return _family(dtype) == _trained_family(item.dtype)


def _family(dtype: pl.DataType) -> str:
    """Types of one family write a category the same way."""
    import polars as pl

    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype.is_integer():
        return "whole"
    return str(dtype)


def _trained_family(dtype: str) -> str:
    if dtype.startswith(("String", "Categorical", "Enum")):
        return "text"
    return "whole" if dtype.startswith(("Int", "UInt")) else dtype


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
    if item.kind == "categorical":
        return series.cast(pl.String), NULL_CATEGORY
    return _milliseconds(series), NULL_TIME


def _milliseconds(series: pl.Series) -> pl.Series:
    import polars as pl

    if series.dtype == pl.String:
        try:
            series = series.str.to_datetime(time_unit="ms", time_zone="UTC")
        except pl.exceptions.PolarsError as exc:
            raise StageError(
                f"the column {series.name!r} has text that is no time: {exc}",
                fix="give ISO 8601 times, such as 2013-01-31T18:00:00",
            ) from exc
    elif series.dtype in (pl.Date, pl.Null):
        series = series.cast(pl.Datetime("ms"))
    return series.dt.epoch("ms")


def tensors(frame: pl.DataFrame, inputs: Sequence[Input]) -> dict[str, np.ndarray[Any, Any]]:
    """Make the feed of a features graph.

    Args:
        frame: raw rows; columns that are no input are ignored.
        inputs: the graph's inputs.

    Returns:
        Input name → array (rows, 1): float32, object (text) or int64.

    Raises:
        StageError: a column is missing, has a type that does not fit, or text that is no time.
    """
    check_columns(frame, inputs)
    return {item.name: raw_series(item, frame[item.name]).to_numpy().reshape(-1, 1) for item in inputs}
