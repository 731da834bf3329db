"""Parts of times in integer arithmetic of ONNX.

Dates are taken apart by the algorithm ``civil_from_days`` of Howard Hinnant, "chrono-Compatible
Low-Level Date Algorithms" (https://howardhinnant.github.io/date_algorithms.html): years begin in
March, so that the leap day is the last, and run in eras of 400 years or 146,097 days.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mlops_features.nodes import Nodes
from mlops_features.options import TimePart

__all__ = ["is_null", "time_parts"]

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_DATES = frozenset({"year", "month", "day", "dayofyear"})


def time_parts(nodes: Nodes, milliseconds: str, *, wanted: Collection[TimePart]) -> dict[TimePart, str]:
    """Take times apart.

    Args:
        nodes: where nodes are added.
        milliseconds: int64 value of any shape, since 1970-01-01 UTC.
        wanted: the parts to make.

    Returns:
        Part → int64 value of the same shape.
    """
    days = nodes.floor(milliseconds, _DAY)
    made: dict[TimePart, str] = {}
    if "hour" in wanted:
        made["hour"] = nodes.floor(nodes.whole("Mod", milliseconds, _DAY), _HOUR)
    if "minute" in wanted:
        made["minute"] = nodes.floor(nodes.whole("Mod", milliseconds, _HOUR), _MINUTE)
    if "weekday" in wanted:
        # Day 0 was a Thursday, the fourth day of the week.
        made["weekday"] = nodes.whole("Add", nodes.whole("Mod", nodes.whole("Add", days, 3), 7), 1)
    if _DATES & set(wanted):
        made |= {part: value for part, value in _civil(nodes, days).items() if part in wanted}
    return made


def _civil(nodes: Nodes, days: str) -> dict[TimePart, str]:
    """Year, month, day and day of the year."""
    shifted = nodes.whole("Add", days, 719_468)
    era = nodes.floor(shifted, 146_097)
    day_of_era = nodes.whole("Mod", shifted, 146_097)
    year_of_era = _year_of_era(nodes, day_of_era)
    day_of_year = nodes.add("Sub", day_of_era, _days_before(nodes, year_of_era))
    march_month = nodes.floor(nodes.whole("Add", nodes.whole("Mul", day_of_year, 5), 2), 153)
    before_month = nodes.floor(nodes.whole("Add", nodes.whole("Mul", march_month, 153), 2), 5)
    # Months 0..9 from March stay in the year; 10 and 11 are January and February of the next.
    late = nodes.floor(march_month, 10)
    year = nodes.add("Add", nodes.add("Add", year_of_era, nodes.whole("Mul", era, 400)), late)
    month = nodes.add("Sub", nodes.whole("Add", march_month, 3), nodes.whole("Mul", late, 12))
    day = nodes.whole("Add", nodes.add("Sub", day_of_year, before_month), 1)
    return {"year": year, "month": month, "day": day, "dayofyear": _from_january(nodes, days, year)}


def _year_of_era(nodes: Nodes, day_of_era: str) -> str:
    """(d − d/1460 + d/36524 − d/146096) / 365."""
    value = nodes.add("Sub", day_of_era, nodes.floor(day_of_era, 1_460))
    value = nodes.add("Add", value, nodes.floor(day_of_era, 36_524))
    value = nodes.add("Sub", value, nodes.floor(day_of_era, 146_096))
    return nodes.floor(value, 365)


def _days_before(nodes: Nodes, year: str) -> str:
    """Days of the years before, leap days and all: 365 y + y/4 − y/100 + y/400."""
    value = nodes.add("Add", nodes.whole("Mul", year, 365), nodes.floor(year, 4))
    value = nodes.add("Sub", value, nodes.floor(year, 100))
    return nodes.add("Add", value, nodes.floor(year, 400))


def _from_january(nodes: Nodes, days: str, year: str) -> str:
    """Day of the year from 1: days since 0000-03-01 less those before January of the year.

    January 1 of year y comes 306 days after March 1 of y − 1.
    """
    before = nodes.whole("Add", _days_before(nodes, nodes.whole("Sub", year, 1)), 306 - 719_468)
    return nodes.whole("Add", nodes.add("Sub", days, before), 1)


def is_null(nodes: Nodes, milliseconds: str, *, null: int) -> tuple[str, str]:
    """Tell missing times from present ones.

    Returns:
        Where it is missing (bool), and the times with 0 in its place.
    """
    missing = nodes.whole("Equal", milliseconds, null)
    return missing, nodes.add("Where", missing, nodes.constant([[0]], np.int64), milliseconds)
