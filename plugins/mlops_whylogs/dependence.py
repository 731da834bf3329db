"""How much rows in a row tell that the one before has not told already: bursts, weather, one customer at a time.

A test that takes such rows for independent ones alarms on nothing. They count for as many independent rows as
leave the mean as uncertain: n (1 - r) / (1 + r) for a correlation r of neighbours (Bartlett 1946).
"""

from __future__ import annotations

import math

import polars as pl

__all__ = ["independence"]

_FEW = 10
"""With fewer rows a correlation says nothing."""


def independence(values: pl.Series) -> float:
    """Give the share of rows, in the order in which they came, that count as independent: above 0, up to 1."""
    if len(values) < _FEW:
        return 1.0
    given = values.drop_nulls()
    gaps = _correlation(values.is_not_null()) if len(given) < len(values) else 0.0
    numeric = given.dtype.is_numeric() or given.dtype == pl.Boolean
    r = max(gaps, _correlation(given) if numeric else _agreement(given))
    share = (1 - r) / (1 + r)
    return round(max(share, 1 / len(values)), 6)


def _correlation(values: pl.Series) -> float:
    """Correlate each rank with the next; ranks, so that a few huge values do not hide what the others do."""
    if len(values) < _FEW:
        return 0.0
    ranks = values.cast(pl.Float64).rank("average").to_numpy()
    now, then = ranks[:-1] - ranks[:-1].mean(), ranks[1:] - ranks[1:].mean()
    scale = math.sqrt(float(now @ now) * float(then @ then))
    return max(0.0, float(now @ then) / scale) if scale else 0.0


def _agreement(values: pl.Series) -> float:
    """Say how much oftener than by chance a value is followed by itself (Cohen 1960)."""
    if len(values) < _FEW or values.dtype.is_nested() or values.dtype.is_temporal():
        return 0.0
    same = float((values[1:] == values[:-1]).mean() or 0.0)  # type: ignore[arg-type] # a share
    shares = values.value_counts()["count"] / len(values)
    chance = float((shares * shares).sum())
    return max(0.0, (same - chance) / (1 - chance)) if chance < 1 else 0.0
