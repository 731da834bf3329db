"""The terms of one column: its training type and its expectation, as checks on whole columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

import polars as pl

from mlops.errors import StageError
from mlops.formats.casting import Cast, Fault, Mask, any_of, mask_of, without
from mlops.formats.column_types import named
from mlops.formats.expectation import Expectation, Otherwise
from mlops.formats.moments import moment

if TYPE_CHECKING:
    from mlops.formats.features import Input

__all__ = ["Terms"]

_LISTED = 8


class Terms:
    """What a column must be, and what becomes of a value that is not."""

    def __init__(self, item: Input) -> None:
        self.name = item.name
        self.dtype = named(item.dtype)
        self.expected = item.expected or Expectation()
        self.low, self.high = self._bounds()
        self.allowed = None if self.expected.allowed is None else self._choices(self.expected.allowed)

    @property
    def otherwise(self) -> Otherwise:
        """What becomes of a value that breaks the terms."""
        return self.expected.otherwise

    @property
    def mends_missing(self) -> bool:
        """Whether a column that is not there is imputed."""
        return self.otherwise != "error"

    def judge(self, made: Cast) -> tuple[Fault, ...]:
        """Find what is wrong with a column; each value is faulted once, its type first."""
        faults = list(made.faults)
        if faults or self.expected != Expectation():
            seen = any_of(faults, len(made.values))
            for fault in self._broken(made.values):
                fresh = Fault(fault.mask & ~seen, fault.why, fault.side)
                seen |= fresh.mask
                faults += [fresh] if fresh.mask.any() else []
        return tuple(faults)

    def mended(self, values: pl.Series, faults: Sequence[Fault]) -> pl.Series:
        """Take what is faulty out, or bring it to the nearest bound where that is asked for."""
        clips = self.otherwise == "clip"
        for fault in faults:
            bound = {1: self.high, -1: self.low}.get(fault.side) if clips else None
            values = without(values, fault.mask) if bound is None else self._set(values, fault.mask, bound)
        return values

    def _set(self, values: pl.Series, mask: Mask, bound: Any) -> pl.Series:
        literal = pl.lit(bound).cast(self.dtype, strict=False)
        return pl.select(pl.when(pl.Series(mask)).then(literal).otherwise(values).alias(values.name)).to_series()

    def _broken(self, values: pl.Series) -> Iterator[Fault]:
        expected = self.expected
        if not expected.nullable:
            missing = values.is_null() | values.is_nan() if values.dtype.is_float() else values.is_null()
            yield Fault(mask_of(missing), "is missing")
        plain = values.cast(pl.String) if self.dtype == pl.Categorical else values
        if plain.dtype.is_float():
            plain = values = plain.fill_nan(None)
        elif plain.dtype.is_integer():
            plain = plain.cast(pl.Int128)  # holds every bound, also one beyond the column's own type
        if self.allowed is not None:
            known = values.cast(self.allowed.dtype).is_in(self.allowed.implode())
            yield Fault(mask_of(~known), f"is not {self._options()}")
        if expected.regex is not None:
            yield Fault(mask_of(~plain.str.contains(f"^(?:{expected.regex})$")), f"does not match {expected.regex}")
        if self.low is not None:
            yield Fault(mask_of(plain < self.low), f"is below {expected.min}", -1)
        if self.high is not None:
            yield Fault(mask_of(plain > self.high), f"is above {expected.max}", 1)

    def _bounds(self) -> tuple[Any, Any]:
        """The bounds; those of whole numbers are whole."""
        low, high = (self._constant(key, getattr(self.expected, key)) for key in ("min", "max"))
        if not self.dtype.is_integer():
            return low, high
        return low if low is None else math.ceil(low), high if high is None else math.floor(high)

    def _options(self) -> str:
        options = [repr(value) for value in self.expected.allowed or ()]
        more = " …" if len(options) > _LISTED else ""
        return f"one of {', '.join(options[:_LISTED])}{more}"

    def _choices(self, values: Sequence[Any]) -> pl.Series:
        dtype = pl.String() if self.dtype == pl.Categorical else self.dtype
        return pl.Series([self._constant("allowed", value) for value in values], dtype=dtype, strict=False)

    def _constant(self, key: str, value: Any) -> Any:
        """A value of the contract as a Python value that compares with the column."""
        if value is None:
            return None
        made = self._fitting(value)
        if made is None:
            raise StageError(
                f"the contract of {self.name!r} says {key}: {value!r}, which does not fit a column of {self.dtype}",
                where=f"validate.columns.{self.name}.{key}",
            )
        return made

    def _fitting(self, value: Any) -> Any:
        if self.dtype in (pl.Date, pl.Datetime):
            return self._time(value)
        if self.dtype == pl.Boolean:
            return value if isinstance(value, bool) else None
        if self.dtype.is_numeric():
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            return value if number else None
        return value if isinstance(value, str) else None

    def _time(self, value: Any) -> Any:
        read = moment(value) if isinstance(value, str) else None
        if read is None:
            return None
        if self.dtype == pl.Date:
            return read.date()
        return read.replace(tzinfo=UTC) if getattr(self.dtype, "time_zone", None) else read
