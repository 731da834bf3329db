"""One column summed up piece by piece: nulls, distinct values, moments, quantiles, frequent values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import polars as pl

from mlops.formats.snapshot import ColumnSummary
from mlops_polars.frequency import Distinct, Frequent, counted
from mlops_polars.tallies import Moments, Ranks, runs

__all__ = ["Summary", "summary_of"]

_FEW = 100
"""Numbers and times with at most this many different values are counted value by value."""


class Summary(ABC):
    """A column's summary in the making; `add` takes the pieces in order."""

    wants_values = True
    """Whether it has to see the values."""

    def __init__(self, name: str, dtype: pl.DataType) -> None:
        self.name = name
        self.dtype = dtype
        self.nulls = 0

    @abstractmethod
    def add(self, values: pl.Series) -> None:
        """Count a piece of the column."""

    @abstractmethod
    def finished(self, nulls: int | None) -> ColumnSummary:
        """Give the summary; ``nulls`` for a column that was not looked at."""


class _Blind(Summary):
    """Lists, arrays, bytes: how many are missing."""

    wants_values = False

    def add(self, values: pl.Series) -> None:
        """Count nothing."""

    def finished(self, nulls: int | None) -> ColumnSummary:
        """Give the summary."""
        return ColumnSummary(name=self.name, type=str(self.dtype), kind="other", nulls=nulls or 0)


class _Named(Summary):
    """Texts, categories and flags: how often each value occurs."""

    def __init__(self, name: str, dtype: pl.DataType) -> None:
        super().__init__(name, dtype)
        self._distinct = Distinct()
        self._frequent = Frequent()

    def add(self, values: pl.Series) -> None:
        """Count a piece of the column."""
        self.nulls += values.null_count()
        counts = counted(values if values.dtype == pl.String else values.cast(pl.String))
        self._distinct.add(counts["value"])
        self._frequent.add(counts)

    def finished(self, nulls: int | None) -> ColumnSummary:
        """Give the summary."""
        del nulls
        return ColumnSummary(
            name=self.name,
            type=str(self.dtype),
            kind="flag" if self.dtype == pl.Boolean else "text",
            nulls=self.nulls,
            distinct=self._distinct.count,
            is_distinct_exact=self._distinct.is_exact,
            counts=self._frequent.counts(),
            is_counts_all=self._frequent.is_complete,
        )


class _Measured(Summary):
    """Numbers and times: where they lie, and how often each number occurs when they are few."""

    def __init__(self, name: str, dtype: pl.DataType) -> None:
        super().__init__(name, dtype)
        self._distinct = Distinct()
        self._frequent = Frequent(most=_FEW)
        self._ranks = Ranks()
        self._moments = Moments()
        self._unusual = 0

    def add(self, values: pl.Series) -> None:
        """Count a piece of the column."""
        self.nulls += values.null_count()
        stored = _stored(values.drop_nulls())
        usual = stored[np.isfinite(stored)] if stored.dtype.kind == "f" else stored
        self._unusual += len(stored) - len(usual)
        different, times = runs(usual)
        self._distinct.add(pl.Series(different))
        if self.dtype.is_numeric() and not self._frequent.has_given_up:
            self._frequent.add(pl.DataFrame({"value": different, "count": times}))
        numbers = _numbers(different, self.dtype)
        self._moments.add(numbers, times)
        self._ranks.add(numbers, times)

    def finished(self, nulls: int | None) -> ColumnSummary:
        """Give the summary."""
        del nulls
        is_number = self.dtype.is_numeric()
        return ColumnSummary(
            name=self.name,
            type=str(self.dtype),
            kind="number" if is_number else "time",
            nulls=self.nulls,
            distinct=self._distinct.count,
            is_distinct_exact=self._distinct.is_exact,
            unusual=self._unusual,
            mean=self._moments.mean if is_number else None,
            std=self._moments.std if is_number else None,
            quantiles=self._ranks.quantiles(),
            counts=self._frequent.counts(),
            is_counts_all=is_number and self._frequent.is_complete,
        )


def summary_of(name: str, dtype: pl.DataType) -> Summary:
    """Begin the summary of a column."""
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean):
        return _Named(name, dtype)
    if dtype.is_numeric() or dtype.is_temporal():
        return _Measured(name, dtype)
    return _Blind(name, dtype)


def _stored(values: pl.Series) -> np.ndarray[Any, np.dtype[Any]]:
    """Give values as they are stored: whole numbers or floats."""
    if values.dtype.is_decimal() or values.dtype in (pl.Int128, pl.UInt128, pl.Float16):
        values = values.cast(pl.Float64)
    return values.to_physical().to_numpy()


def _numbers(stored: np.ndarray[Any, np.dtype[Any]], dtype: pl.DataType) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Turn stored values into floats: days and units of time into seconds."""
    if dtype == pl.Date:
        return stored.astype(np.float64) * 86_400
    unit = getattr(dtype, "time_unit", "ns" if dtype == pl.Time else None)
    if unit == "ns":  # more digits than a float has
        return (stored // 1000).astype(np.float64) / 1e6
    return stored.astype(np.float64) / {None: 1.0, "us": 1e6, "ms": 1e3}[unit]
