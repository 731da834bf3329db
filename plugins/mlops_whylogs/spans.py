"""Rows cut into windows of time, each in the order in which they happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import polars as pl

from mlops.errors import ProjectError
from mlops.services.moments import moments

__all__ = ["Span", "spans_of"]

_YEAR = timedelta(days=365.25)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """One window of time and its rows."""

    start: datetime
    end: datetime
    """Start of the next one."""

    rows: pl.DataFrame
    """In order of time; rows of one moment in an order that has nothing to do with what they hold."""

    @property
    def years(self) -> float:
        """Its length."""
        return (self.end - self.start) / _YEAR


def spans_of(rows: pl.DataFrame, clock: str, window: float | Literal["month"]) -> list[Span]:
    """Divide rows by a column; windows begin at multiples of their length since 1970, or with the month.

    Rows that tell no time are in no window.

    Raises:
        ProjectError: there is no such column, or it holds no times.
    """
    if rows.is_empty():
        return []
    if clock not in rows.columns:
        raise ProjectError(
            f"the rows have no column {clock!r} to tell when they happened",
            where="monitor.clock",
            fix=f"columns are {', '.join(name for name in rows.columns if not name.startswith('_'))}; a deployment"
            " keeps further ones with deploy.target.extra_columns",
        )
    when = moments(rows[clock])
    if when.null_count() == len(when):
        raise ProjectError(
            f"the column {clock!r} holds no times; it begins with {rows[clock][0]!r}",
            where="monitor.clock",
            fix="name a column of ISO times, dates or seconds since 1970",
        )
    timed = rows.with_columns(when.alias("_moment"), _shuffle(rows), _begin(when, window)).drop_nulls("_moment")
    parts = timed.sort("_moment", "_order").partition_by("_begin", as_dict=True, maintain_order=True, include_key=False)
    return [
        Span(start, _end(start, window), part.drop("_moment", "_order")) for (start,), part in sorted(parts.items())
    ]


def _shuffle(rows: pl.DataFrame) -> pl.Series:
    known = rows["_id"] if "_id" in rows.columns else pl.Series(range(rows.height))
    return known.hash(seed=0).alias("_order")


def _begin(when: pl.Series, window: float | Literal["month"]) -> pl.Series:
    if window == "month":
        return when.dt.truncate("1mo").alias("_begin")
    number = (when.dt.epoch("us") / (window * 1e6)).floor()
    return (
        pl.from_epoch((number * window * 1e6).round().cast(pl.Int64), "us").dt.replace_time_zone("UTC").alias("_begin")
    )


def _end(start: datetime, window: float | Literal["month"]) -> datetime:
    if window == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + timedelta(seconds=window)
