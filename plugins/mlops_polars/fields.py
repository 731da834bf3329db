"""The kinds of value that the sections of this package take, checked when a recipe is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict

__all__ = [
    "Duration",
    "Expression",
    "Flag",
    "Moment",
    "Number",
    "Severity",
    "Share",
    "TypeName",
    "Whole",
    "near",
    "timedelta_of",
]

TypeName = Literal[
    "string", "categorical", "boolean", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64", "date", "datetime", "time",
]  # fmt: skip
Severity = Literal["fail", "warn", "quarantine"]

Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Share = Annotated[float, Strict(), Field(gt=0, lt=1)]

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
Duration = Annotated[str, Field(pattern=r"^\d+(w|d|h|m|s)$", examples=["7d", "12h"])]

_LISTED = 12
"""Names shown when none is near."""

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_REFUSED = (
    (re.compile(r";|--|/\*"), "statements and comments"),
    (re.compile(r"\b(select|union|intersect|except)\b", re.IGNORECASE), "queries"),
    (re.compile(r"\b(read|scan|write|copy)_?\w*\s*\(", re.IGNORECASE), "functions that touch files"),
    (
        re.compile(r"\b(now|today|random|rand|uuid)\s*\(|\b(current_|local)(date|time|timestamp)\b", re.IGNORECASE),
        "clocks and chance, whose answers change from run to run",
    ),
)


def _expression(text: str) -> str:
    """Refuse SQL that is more than one expression over the columns of one table."""
    if not text.strip():
        raise ValueError("the SQL expression is empty")
    bare = _QUOTED.sub("''", text)
    for pattern, what in _REFUSED:
        found = pattern.search(bare)
        if found:
            raise ValueError(
                f"{found.group()!r} is not allowed here: an SQL expression over this table's columns has no {what}"
            )
    return text


def _moment(text: str) -> str:
    """Refuse text that is not an ISO date or datetime."""
    try:
        datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is not an ISO date or datetime such as 2013-09-01 or 2013-09-01T06:00") from exc
    return text


Expression = Annotated[str, AfterValidator(_expression)]
Moment = Annotated[str, AfterValidator(_moment)]


def timedelta_of(duration: str) -> timedelta:
    """Turn a duration such as ``7d`` into a time span."""
    return timedelta(**{_UNITS[duration[-1]]: int(duration[:-1])})


def near(name: str, known: Iterable[str]) -> str:
    """Say which of the known names was perhaps meant; else list the first of them."""
    names = list(known)
    close = get_close_matches(name, names, n=3)
    if close:
        return f"did you mean {' or '.join(repr(item) for item in close)}?"
    more = ", …" if len(names) > _LISTED else ""
    return f"there are: {', '.join(names[:_LISTED])}{more}"
