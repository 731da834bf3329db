"""What was known of an entity at a moment: point-in-time aggregates of another table's rows."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, model_validator

from mlops.formats.clocks import clock_in

__all__ = ["Aggregate", "Calculation", "Condition", "Function", "HistorySpec", "Lag", "Window", "span"]

Function = Literal["count", "sum", "mean", "min", "max", "std", "nunique", "last", "share", "since"]

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_LONGEST = timedelta(days=36_525)


def span(duration: str) -> timedelta:
    """Turn a duration such as ``7d`` into a time span."""
    return timedelta(**{_UNITS[duration[-1]]: int(duration[:-1])})


def _duration(text: str) -> str:
    """Refuse a span that no calendar holds."""
    if span(text) > _LONGEST:
        raise ValueError(f"{text} is more than a hundred years; leave the window out to look at all the past")
    return text


def _condition(text: str) -> str:
    """Refuse an empty condition, and one whose answer changes from run to run."""
    if not text.strip():
        raise ValueError("the SQL condition is empty")
    clock = clock_in(text)
    if clock:
        raise ValueError(f"{clock!r} is not allowed here: its answer changes from run to run")
    return text


Lag = Annotated[str, Field(pattern=r"^\d{1,9}(w|d|h|m|s)$", examples=["1d", "12h"]), AfterValidator(_duration)]
Window = Annotated[
    str, Field(pattern=r"^0{0,8}[1-9]\d{0,8}(w|d|h|m|s)$", examples=["30d", "12h"]), AfterValidator(_duration)
]
Condition = Annotated[str, AfterValidator(_condition), Field(examples=["late = 1"])]


class Calculation(BaseModel):
    """How the past rows of the other table become one value."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    function: Function
    """What is computed of the past rows: a missing value (null or NaN) is left out.

    count: how many there are, or with `column` how many have a value; 0 when there are none.
    sum: 0 when there are none. mean, min, max: null when there are none. std: the standard deviation
    of a sample, null for fewer than two. nunique: how many different values. last: the latest value
    that is known. share: the share for which `where` is true, of those for which it is true or false.
    since: days since the latest of them.
    """

    column: str | None = None
    """Column of the other table; none for ``share`` and ``since``, optional for ``count``."""

    window: Window | None = None
    """How far back it looks, such as 7d; all the past when null."""

    where: Condition | None = None
    """SQL condition on a row of the other table: which rows take part; for ``share`` the condition that is counted."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse a column where none is used, and a function without what it needs."""
        if self.function in ("share", "since") and self.column is not None:
            raise ValueError(f"{self.function} takes no `column`")
        if self.function not in ("count", "share", "since") and self.column is None:
            raise ValueError(f"{self.function} needs a `column` of the other table")
        if self.function == "share" and self.where is None:
            raise ValueError("share needs `where`: the condition whose share is wanted")
        return self


class Aggregate(Calculation):
    """One column that a history adds."""

    name: str
    """Name of the column it makes."""


class HistorySpec(BaseModel):
    """Everything needed to compute the columns again for rows to be predicted."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    """How the other table is given at prediction: ``history.NAME=FILE``."""

    entity: tuple[str, ...]
    """Columns of the main table that name the thing whose past is looked at; none: all events belong together."""

    event_entity: tuple[str, ...] = ()
    """The columns of the other table that hold the same, in the same order; those of ``entity`` when empty."""

    time: str
    """Column of the main table: the moment at which a row is predicted."""

    event_time: str
    """Column of the other table: when a row happened. A date stands for its whole day."""

    lag: Lag = "0s"
    """How long after it happened a row is known, such as 1d; rows not known yet at ``time`` are never used."""

    inclusive: Annotated[bool, Strict()] = False
    """Whether a row that becomes known at the very moment (for dates: on the very day) of ``time`` counts."""

    aggregates: tuple[Aggregate, ...]
    """The columns it makes, in order."""

    types: dict[str, str] = {}
    """Columns of the main table that it uses, with their Polars types in training, as text."""

    event_types: dict[str, str] = {}
    """Columns of the other table that it uses, with their Polars types in training, as text."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse columns of one name, and keys of two lengths."""
        doubled = [name for name, count in Counter(self.made).items() if count > 1]
        if doubled:
            raise ValueError(f"two columns are called {doubled[0]!r}")
        if self.event_entity and len(self.event_entity) != len(self.entity):
            raise ValueError("`event_entity` must name as many columns as `entity`")
        return self

    @property
    def made(self) -> tuple[str, ...]:
        """Names of the columns it makes."""
        return tuple(item.name for item in self.aggregates)

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Pairs of columns that name the entity: in the main table, in the other table."""
        return tuple(zip(self.entity, self.event_entity or self.entity, strict=True))
