"""Column types: their names in recipes, conversion that never loses a value silently, and typed constants."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl

from mlops_polars.fields import TypeName

__all__ = ["Constant", "constant", "conversion", "is_safe", "name_of", "type_named"]

Constant = int | float | str | bool

_TYPES: tuple[tuple[TypeName, pl.DataType], ...] = (
    ("string", pl.String()),
    ("categorical", pl.Categorical()),
    ("boolean", pl.Boolean()),
    ("int8", pl.Int8()),
    ("int16", pl.Int16()),
    ("int32", pl.Int32()),
    ("int64", pl.Int64()),
    ("uint8", pl.UInt8()),
    ("uint16", pl.UInt16()),
    ("uint32", pl.UInt32()),
    ("uint64", pl.UInt64()),
    ("float32", pl.Float32()),
    ("float64", pl.Float64()),
    ("date", pl.Date()),
    ("datetime", pl.Datetime("us")),
    ("time", pl.Time()),
)
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_DATETIMES = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")


def type_named(name: TypeName) -> pl.DataType:
    """The Polars type that a recipe's word means."""
    return next(dtype for word, dtype in _TYPES if word == name)


def name_of(dtype: pl.DataType) -> TypeName | None:
    """The recipe's word for a Polars type; None for lists, structs and the like.

    Datetimes of any unit and zone are ``datetime``; an Enum is ``categorical``.
    """
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    if isinstance(dtype, pl.Enum | pl.Categorical):
        return "categorical"
    return next((word for word, known in _TYPES if known == dtype), None)


def is_safe(source: pl.DataType, target: pl.DataType) -> bool:
    """Tell whether every value of one type has an equal in the other, so that no check is needed."""
    if source == target or target == pl.String():
        return True
    if source.is_integer() and target.is_float():
        return True
    return source.is_integer() and target.is_integer() and _holds(source, target)


def _holds(source: pl.DataType, target: pl.DataType) -> bool:
    """Tell whether one integer type spans another."""
    (low, high), (floor, ceiling) = _limits(source), _limits(target)
    return floor <= low and high <= ceiling


def _limits(dtype: pl.DataType) -> tuple[int, int]:
    word = str(dtype).lower()
    bits = int(word.lstrip("uint"))
    return (0, 2**bits - 1) if word.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def conversion(column: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    """Convert a column so that a value with no equal in the target type becomes null.

    Returns:
        The converted column, or None when the two types have nothing in common.
    """
    if source == target or source == pl.Null():
        return column.cast(target)
    if source in (pl.Categorical, pl.Enum):
        return conversion(column.cast(pl.String), pl.String(), target)
    if source == pl.String():
        return _from_text(column, target)
    if source.is_numeric() or source == pl.Boolean():
        return _from_number(column, source, target)
    if source.is_temporal() and (target.is_temporal() or target == pl.String()):
        return column.cast(target, strict=False)
    return None


def _from_number(column: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    if target.is_temporal():
        return None
    if target == pl.Boolean():
        return pl.when(column.cast(pl.Float64).is_in([0.0, 1.0])).then(column.cast(pl.Boolean))
    if target.is_integer() and not source.is_integer() and source != pl.Boolean():
        return pl.when(column == column.round(0)).then(column.cast(target, strict=False))
    if target == pl.Categorical():
        return column.cast(pl.String).cast(target)
    return column.cast(target, strict=False)


def _from_text(column: pl.Expr, target: pl.DataType) -> pl.Expr:
    if target in (pl.Categorical, pl.Enum):
        return column.cast(target, strict=False)
    text = column.str.strip_chars()
    if target == pl.Boolean():
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(_TRUE)).then(pl.lit(True)).when(lower.is_in(_FALSE)).then(pl.lit(False))
    if target.is_integer():
        number = text.cast(pl.Float64, strict=False)
        whole = pl.when(number == number.round(0)).then(number.cast(target, strict=False))
        return pl.coalesce(text.cast(target, strict=False), whole)
    return _temporal(text, target) if target.is_temporal() else text.cast(target, strict=False)


def _temporal(text: pl.Expr, target: pl.DataType) -> pl.Expr:
    """Read ISO text. Formats are listed, not inferred: a guess from the first rows would differ by chunk."""
    if target == pl.Time():
        return pl.coalesce(text.str.to_time(form, strict=False) for form in ("%H:%M:%S%.f", "%H:%M"))
    day = text.str.to_date("%Y-%m-%d", strict=False)
    if target == pl.Date():
        return day
    plain = [text.str.to_datetime(form, time_unit="us", strict=False) for form in _DATETIMES]
    zoned = [
        text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False).dt.replace_time_zone(None)
        for form in _ZONED
    ]
    return pl.coalesce(*plain, *zoned, day.cast(pl.Datetime("us"))).cast(target)


def constant(value: Constant, dtype: pl.DataType) -> Any:
    """Turn a recipe's constant into a Python value that compares with a column of the type.

    Raises:
        ValueError: the constant does not fit the type.
    """
    if dtype.is_temporal() and isinstance(value, str):
        return _moment(value, dtype)
    if dtype == pl.Boolean():
        fits = isinstance(value, bool)
    elif dtype.is_numeric():
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and not dtype.is_temporal()
    if not fits:
        raise ValueError(f"{value!r} does not fit a column of type {name_of(dtype) or dtype}")
    return value


def _moment(text: str, dtype: pl.DataType) -> date | time | datetime:
    if dtype == pl.Time():
        return time.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    if dtype == pl.Date():
        return moment.date()
    zoned = getattr(dtype, "time_zone", None) is not None
    if zoned and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment if zoned or moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
