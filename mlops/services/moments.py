"""When something happened, however it was written: one reading for all who compare times of served rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["moments"]

_ZONE = r"(?:Z|z|[+-]\d{2}:?\d{2})$"


def moments(values: pl.Series) -> pl.Series:
    """Read times, dates, ISO texts or seconds since 1970 as times in UTC; what tells no zone is UTC already.

    Returns:
        Datetime in microseconds, null where there is no time to read.
    """
    import polars as pl

    if values.dtype == pl.String:
        return _texts(values)
    if values.dtype.is_numeric():
        return pl.from_epoch(
            (values.cast(pl.Float64) * 1e6).round().cast(pl.Int64, strict=False), "us"
        ).dt.replace_time_zone("UTC")
    if values.dtype in (pl.Date, pl.Datetime):
        zoned = values.cast(pl.Datetime("us", getattr(values.dtype, "time_zone", None)))
        zone = getattr(values.dtype, "time_zone", None)
        return zoned.dt.convert_time_zone("UTC") if zone else zoned.dt.replace_time_zone("UTC")
    return pl.Series(values.name, [None] * len(values), dtype=pl.Datetime("us", "UTC"))


def _texts(values: pl.Series) -> pl.Series:
    import polars as pl

    text = pl.col("t").str.strip_chars().str.replace(" ", "T")
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
    text = text.str.replace(r"^(\S{10}T\d{2}:\d{2})(Z|z|[+-]|$)", "${1}:00${2}")
    zoned = text.str.replace(r"[Zz]$", "+00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False)
    plain = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False).dt.replace_time_zone("UTC")
    read = pl.when(text.str.contains(_ZONE)).then(zoned).otherwise(plain)
    return pl.DataFrame({"t": values}).select(read.alias(values.name)).to_series()
