"""A column as it is given → the type it had in training, and which of its values have no equal there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlops.formats.column_types import wanted
from mlops.formats.moments import moments

__all__ = ["ABSENT", "Cast", "Fault", "Mask", "any_of", "cast", "mask_of", "without"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]

ABSENT = ...
"""Stands, in a column of mixed values, for one that was not given."""

_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_UNREADABLE = (TypeError, OverflowError, ValueError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class Fault:
    """Values of a column that share what is wrong with them."""

    mask: Mask
    why: str
    side: int = 0
    """1 for values above what is allowed, −1 for those below."""


@dataclass(frozen=True)
class Cast:
    """A column in its training type; what stands in the places of faults means nothing."""

    values: pl.Series
    faults: tuple[Fault, ...] = ()


def cast(series: pl.Series, dtype: pl.DataType, *, text: bool = False) -> Cast:
    """Convert a column without losing anything.

    Args:
        series: the column as given; of type Object where values of several types are mixed.
        dtype: the type it had in training.
        text: whether text is a way of writing other types, as it is in CSV files.
    """
    if series.dtype == dtype and not dtype.is_float():
        return Cast(series)
    if series.dtype == pl.Object:
        return _mixed(series, dtype)
    if text and series.dtype == pl.String and wanted(dtype) != "text":
        # Some programs write what is missing as an empty text in quotes.
        series = series.replace({"": None})
        if dtype.is_numeric() or dtype == pl.Boolean:
            return _written_number(series, dtype) if dtype.is_numeric() else _written_truth(series)
    if dtype.is_numeric():
        return _number(series, dtype)
    return _time(series, dtype) if dtype in (pl.Date, pl.Datetime) else _other(series, dtype)


def mask_of(truth: pl.Series) -> Mask:
    """Turn truth values into an array; what is not known is false."""
    return truth.fill_null(value=False).to_numpy() if truth.null_count() else truth.to_numpy()


def any_of(faults: Iterable[Fault], size: int) -> Mask:
    """Mark the values that have any of the faults."""
    marked = np.zeros(size, dtype=np.bool_)
    for fault in faults:
        marked |= fault.mask
    return marked


def without(values: pl.Series, mask: Mask) -> pl.Series:
    """Take values out."""
    return pl.select(pl.when(pl.Series(~mask)).then(values).alias(values.name)).to_series()


def _faults(*found: Fault) -> tuple[Fault, ...]:
    return tuple(fault for fault in found if fault.mask.any())


def _strange(series: pl.Series, dtype: pl.DataType) -> Cast:
    """No value of this type can be taken for one of that."""
    fault = Fault(mask_of(series.is_not_null()), f"is {_described(series.dtype)}, not {wanted(dtype)}")
    return Cast(pl.Series(series.name, [None], dtype=dtype).new_from_index(0, len(series)), _faults(fault))


def _described(dtype: pl.DataType) -> str:
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype.is_numeric():
        return "a number"
    words = {pl.Boolean: "true or false", pl.Date: "a date", pl.Datetime: "a time", pl.Binary: "bytes"}
    return words.get(dtype.base_type(), str(dtype))


def _number(series: pl.Series, dtype: pl.DataType) -> Cast:
    if not (series.dtype.is_numeric() or series.dtype == pl.Null):
        return _strange(series, dtype)
    faults: list[Fault] = []
    if series.dtype.is_float():
        # float32 is how the graph takes it, so what is endless there is endless.
        flat = series.cast(pl.Float32)
        why = "is infinite, or too large for a float32"
        faults = [Fault(mask_of(flat == float(f"{sign}inf")), why, side) for sign, side in (("", 1), ("-", -1))]
    if not dtype.is_integer():
        return Cast(series.cast(dtype, strict=False), _faults(*faults))
    if series.dtype.is_float():
        series = series.fill_nan(None)
        faults.append(Fault(mask_of(flat.is_finite() & (series != series.floor())), f"is not {wanted(dtype)}"))
    elif not series.dtype.is_integer():
        faults.append(Fault(mask_of(series.cast(pl.Float64) != series.cast(pl.Float64).floor()), "is not whole"))
    values = series.cast(dtype, strict=False)
    outside = values.is_null() & series.is_not_null()
    if outside.any():
        lost = mask_of(outside) & ~any_of(faults, len(series))
        positive = mask_of(series > 0)
        why = f"does not fit {dtype}"
        faults += [Fault(lost & positive, why, 1), Fault(lost & ~positive, why, -1)]
    return Cast(values, _faults(*faults))


def _written_number(series: pl.Series, dtype: pl.DataType) -> Cast:
    """Numbers written as text; whole ones never go through a float."""
    plain = series.str.strip_chars()
    whole = plain.cast(pl.Int64, strict=False)
    if whole.null_count() == series.null_count():
        return _number(whole, dtype)
    is_whole = whole.is_not_null()
    broken = pl.select(pl.when(~is_whole).then(plain).cast(pl.Float64, strict=False)).to_series()
    first, second = _number(whole, dtype), _number(broken, dtype)
    alien = Fault(mask_of(series.is_not_null() & ~is_whole & broken.is_null()), f"is not {wanted(dtype)}")
    values = first.values.zip_with(is_whole, second.values).alias(series.name)
    return Cast(values, _faults(*first.faults, *second.faults, alien))


def _written_truth(series: pl.Series) -> Cast:
    lower = series.str.strip_chars().str.to_lowercase()
    known = lower.is_in([*_TRUE, *_FALSE])
    values = without(lower.is_in(_TRUE), ~mask_of(known))
    alien = Fault(mask_of(series.is_not_null() & ~known), f"is not {wanted(pl.Boolean())}")
    return Cast(values.alias(series.name), _faults(alien))


def _time(series: pl.Series, dtype: pl.DataType) -> Cast:
    if series.dtype not in (pl.String, pl.Date, pl.Datetime, pl.Null):
        return _strange(series, dtype)
    read = moments(series)
    faults = [Fault(mask_of(series.is_not_null() & read.is_null()), f"is not {wanted(dtype)} in ISO 8601")]
    if dtype == pl.Date:
        values = read.cast(pl.Date)
        faults.append(Fault(mask_of(values.cast(pl.Datetime("us")) != read), "has a time of day, and a date has none"))
    else:
        values = read.cast(pl.Datetime(getattr(dtype, "time_unit", "us")), strict=False)
        zone = getattr(dtype, "time_zone", None)
        values = values.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else values
        faults.append(Fault(mask_of(values.is_null() & read.is_not_null()), f"does not fit {dtype}"))
    return Cast(values.alias(series.name), _faults(*faults))


def _other(series: pl.Series, dtype: pl.DataType) -> Cast:
    """Text, truth values, and whatever else training had."""
    if series.dtype == pl.Null or (_described(series.dtype) == "text" == wanted(dtype)):
        return Cast(series.cast(dtype))
    if dtype in (pl.Boolean, pl.String, pl.Categorical) or series.dtype == pl.Boolean:
        return _strange(series, dtype)
    try:
        values = series.cast(dtype, strict=False)
    except pl.exceptions.PolarsError:
        return _strange(series, dtype)
    fault = Fault(mask_of(values.is_null() & series.is_not_null()), f"is not {wanted(dtype)}")
    return Cast(values, _faults(fault))


def _mixed(series: pl.Series, dtype: pl.DataType) -> Cast:
    """Values of several Python types: each type is converted on its own."""
    given = [item.item() if isinstance(item, np.generic) else item for item in series.to_list()]
    places: dict[type, list[int]] = {}
    for place, item in enumerate(given):
        if item is not None:
            places.setdefault(type(item), []).append(place)
    values: list[Any] = [None] * len(given)
    faults: list[Fault] = []
    for where in places.values():
        part = _of_one_type([given[place] for place in where], dtype)
        for place, item in zip(where, part.values.to_list(), strict=True):
            values[place] = item
        faults += [Fault(_spread(fault.mask, where, len(given)), fault.why, fault.side) for fault in part.faults]
    return Cast(pl.Series(series.name, values, dtype=dtype), tuple(faults))


def _spread(mask: Mask, where: Sequence[int], size: int) -> Mask:
    spread = np.zeros(size, dtype=bool)
    spread[where] = mask
    return spread


def _of_one_type(values: list[Any], dtype: pl.DataType) -> Cast:
    if values[0] is ABSENT:
        return Cast(pl.Series([None] * len(values), dtype=dtype), (Fault(np.ones(len(values), bool), "is not given"),))
    try:
        return cast(pl.Series(values, strict=True), dtype)
    except _UNREADABLE:
        if len(values) > 1:
            return _joined([_of_one_type([value], dtype) for value in values])
    why = f"is a {type(values[0]).__name__} that is not {wanted(dtype)}"
    return Cast(pl.Series([None], dtype=dtype), (Fault(np.ones(1, bool), why),))


def _joined(parts: Sequence[Cast]) -> Cast:
    """Put converted single values together."""
    faults = [
        Fault(_spread(fault.mask, [place], len(parts)), fault.why, fault.side)
        for place, part in enumerate(parts)
        for fault in part.faults
    ]
    return Cast(pl.concat([part.values for part in parts]), tuple(faults))
