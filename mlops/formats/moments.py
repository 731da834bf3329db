"""Dates and times as people write them → dates and times in UTC without a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["moment", "moments"]


def moment(value: str | date) -> datetime | None:
    """Read ISO 8601 text, a date or a datetime; what has no zone is in UTC. None when it is no time."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    if value.tzinfo is None:
        return value
    try:
        return value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # the zone leads out of the years 1 to 9999
        return None


def moments(series: pl.Series) -> pl.Series:
    """Bring text, dates or datetimes to ``Datetime("us")`` in UTC, without a zone; null where it is no time."""
    import polars as pl

    if series.dtype == pl.String:
        distinct = series.unique()
        read = pl.Series([None if text is None else moment(text) for text in distinct], dtype=pl.Datetime("us"))
        return series.replace_strict(distinct, read, return_dtype=pl.Datetime("us"))
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return series.cast(pl.Datetime("us"), strict=False)
