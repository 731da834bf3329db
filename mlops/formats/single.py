"""One ordinary row → the tensors of the graph, without the cost of a frame.

Only a row in which nothing is unusual goes this way: every value is of its column's own type and
keeps to the contract, or is missing where that is allowed. Any other row is left to `RowCheck`,
so that what is imputed, clipped or refused is decided in one place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from mlops.formats.column_types import limits
from mlops.formats.derivation import Derivation
from mlops.formats.features import Input
from mlops.formats.inputs import NULL_CATEGORY, NULL_TIME, tensor
from mlops.formats.moments import moment
from mlops.formats.terms import Terms

__all__ = ["Single"]

Array = np.ndarray[Any, Any]
Cell = Callable[[Any], Any]

_EXACT = 2**53
"""Whole numbers up to here have an equal among doubles."""

_PLAIN_PATTERN = re.compile(
    r"(?:[A-Za-z0-9 _@%,:;=/-]|\\[.d+*?()\[\]{}|^$-]|\[(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[_. ])+\])"
    r"(?:(?:[*+?]|\{\d+\}|\{\d+,\d*\})(?![*+?{]))?"
)
"""A piece of a pattern that Python and Rust read alike and that takes no long search; no groups, no alternatives."""

_LONGEST_MATCH = 256
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive, as all times here: in UTC
_MILLISECOND = timedelta(milliseconds=1)


class _Unusual(Exception):
    """A value that is not of its column's own type, or breaks the contract."""


class Single:
    """The inputs of a bundle, ready to turn one row into tensors; may be shared by threads."""

    def __init__(self, inputs: Sequence[Input], tensors: Sequence[Input], derivation: Derivation) -> None:
        cells = {item.name: _cell(Terms(item)) for item in inputs}
        self._works = all(cell is not None for cell in cells.values())
        self._cells = {name: cell for name, cell in cells.items() if cell is not None}
        self._given = [(item.name, _array(item)) for item in tensors if item.name not in derivation.names]
        self._made = [item for item in tensors if item.name in derivation.names]
        self._derivation = derivation
        schema = {item.name: Terms(item).dtype for item in inputs}
        self._roots = {name: schema[name] for name in derivation.roots}

    def feed(self, row: Mapping[str, Any]) -> dict[str, Array] | None:
        """Make the feed of the graph; None when something about the row is unusual."""
        if not self._works:
            return None
        try:
            values = {name: cell(row[name]) for name, cell in self._cells.items()}
            feed = {name: make(values[name]) for name, make in self._given}
        except (_Unusual, KeyError):
            return None
        return (feed | self._derived(values)) if self._made else feed

    def _derived(self, values: Mapping[str, Any]) -> dict[str, Array]:
        row = [values[name] for name in self._roots]
        frame = self._derivation.made(pl.DataFrame([row], schema=self._roots, orient="row"))
        return {item.name: tensor(item, frame[item.name]) for item in self._made}


def _array(item: Input) -> Callable[[Any], Array]:
    """How a value of an input becomes its tensor."""
    if item.kind == "numeric":
        return lambda value: np.array([[np.nan if value is None else value]], dtype=np.float32)
    if item.kind == "datetime":
        return lambda value: np.array([[NULL_TIME if value is None else _milliseconds(value)]], dtype=np.int64)
    if item.kind == "text":
        return lambda value: tensor(item, pl.Series(item.name, [value], dtype=pl.String))
    return lambda value: np.array([[NULL_CATEGORY if value is None else _text(value)]], dtype=object)


def _milliseconds(value: date) -> int:
    if not isinstance(value, datetime):
        return (value - _EPOCH.date()).days * 86_400_000
    return (value.replace(tzinfo=None) - _EPOCH) // _MILLISECOND


def _text(value: Any) -> str:
    """Write a category as Polars does; floats are written in too many ways."""
    if isinstance(value, float):
        raise _Unusual
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(terms: Terms) -> Cell | None:
    """Make the reader of one column's ordinary values; None when every value is a matter for the long way."""
    dtype = terms.dtype
    if dtype.is_integer() or dtype == pl.Float64:
        return _number(terms, whole=dtype.is_integer())
    if dtype == pl.Boolean:
        return _member(terms, bool)
    if dtype in (pl.String, pl.Categorical):
        return _worded(terms)
    if dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_unit != "ns"):
        return _time(terms)
    return None


def _number(terms: Terms, *, whole: bool) -> Cell:
    least, most = limits(terms.dtype)
    low = max(bound for bound in (least, terms.low, -_EXACT if whole else None) if bound is not None)
    high = min(bound for bound in (most, terms.high, _EXACT if whole else None) if bound is not None)
    nullable, allowed, kinds = terms.expected.nullable, _options(terms), (int,) if whole else (float, int)

    def cell(value: Any) -> Any:
        if type(value) in kinds and low <= value <= high and (allowed is None or value in allowed):
            return value
        missing = value is None or (not whole and value != value)  # noqa: PLR0124 - NaN alone differs from itself
        if missing and nullable:
            return value
        raise _Unusual

    return cell


def _options(terms: Terms) -> frozenset[Any] | None:
    return None if terms.allowed is None else frozenset(terms.allowed.to_list())


def _member(terms: Terms, kind: type) -> Cell:
    nullable, allowed = terms.expected.nullable, _options(terms)

    def cell(value: Any) -> Any:
        if (value is None and nullable) or (type(value) is kind and (allowed is None or value in allowed)):
            return value
        raise _Unusual

    return cell


def _worded(terms: Terms) -> Cell | None:
    member, matches = _member(terms, str), _matcher(terms.expected.regex)
    if matches is None or terms.low is not None or terms.high is not None:
        return None

    def cell(value: Any) -> Any:
        if member(value) is None or (matches(value) and _can_be_written(value)):
            return value
        raise _Unusual

    return cell


def _can_be_written(text: str) -> bool:
    """Half a surrogate pair, which JSON can hold, is no text."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _matcher(pattern: str | None) -> Callable[[str], Any] | None:
    """Match whole values as the contract's engine does; None for a pattern that Python may read otherwise."""
    if pattern is None:
        return lambda _: True
    if not re.fullmatch(f"(?:{_PLAIN_PATTERN.pattern})*", pattern):
        return None
    match = re.compile(pattern).fullmatch
    return lambda value: len(value) <= _LONGEST_MATCH and value.isascii() and match(value)


def _time(terms: Terms) -> Cell | None:
    """Read a date or a time as `casting` does; bounds are compared in UTC."""
    if terms.allowed is not None:
        return None
    whole_days, zoned = terms.dtype == pl.Date, bool(getattr(terms.dtype, "time_zone", None))
    low, high = (None if bound is None else moment(bound) for bound in (terms.low, terms.high))
    nullable = terms.expected.nullable

    def cell(value: Any) -> Any:
        if value is None and nullable:
            return None
        read = moment(value) if isinstance(value, str | date) else None
        if read is None or (low is not None and read < low) or (high is not None and read > high):
            raise _Unusual
        if whole_days:
            return _day(read)
        return read.replace(tzinfo=UTC) if zoned else read

    return cell


def _day(read: datetime) -> date:
    if read != datetime.combine(read.date(), time()):
        raise _Unusual
    return read.date()
