"""What was known of an entity at a moment: point-in-time aggregates of another table's rows."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Aggregate", "HistorySpec"]

Function = Literal["count", "sum", "mean", "min", "max", "std", "nunique", "last", "share", "since"]


class Aggregate(BaseModel):
    """One column that a history adds."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    """Name of the column it makes."""

    function: Function
    """How the past rows become one value."""

    column: str | None = None
    """Column of the other table; none for ``count`` and ``since``."""

    window: str | None = None
    """How far back it looks, such as 7d; all the past when null."""

    where: str | None = None
    """SQL condition on the other table's rows."""


class HistorySpec(BaseModel):
    """Everything needed to compute the columns again for rows to be predicted."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    """The stage's name in the recipe: how a table is given for it at prediction."""

    entity: tuple[str, ...]
    """Columns that name the thing whose past is looked at, in both tables."""

    time: str
    """Column of the main table: the moment at which a row is predicted."""

    event_time: str
    """Column of the other table: when a row happened."""

    lag: str = "0s"
    """How long after it happened a row is known, such as 1d; rows not known yet at ``time`` are never used."""

    aggregates: tuple[Aggregate, ...]
