"""The stage that adds what was known of each row's entity at the row's time."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, Strict

from mlops.formats.history import Calculation, Lag
from mlops.formats.table import Table
from mlops.stage import Context, Stage

__all__ = ["History"]


class History(Stage):
    """Add point-in-time correct aggregates and as-of joins of another table's past rows (events).

    A row at time t sees the events of its entity with t - lag - window <= event time < t - lag, never a
    later one. Say which table is which: inputs: {table: data, events: orders}.
    """

    libraries: ClassVar[tuple[str, ...]] = ("polars", "numpy")

    entity: str | tuple[str, ...] | dict[str, str] = Field(examples=["customer", ["shop", "product"], {"id": "client"}])
    """Column or columns that name the thing whose past is looked at; a mapping when the events name them
    otherwise: ours to theirs. An empty list: all events belong to every row."""

    time: str | None = None
    """Column with the moment at which a row is predicted; the table's time column when not given."""

    event_time: str | None = None
    """Column of the events that says when they happened; their table's time column when not given."""

    lag: Lag | None = None
    """How long after it happened an event is known; none when not given. Must be given, be it 0s, when the target
    of past rows is used."""

    inclusive: Annotated[bool, Strict()] = False
    """Whether an event that becomes known at the very moment of the row (for dates: on the very day) counts."""

    columns: dict[str, Calculation] = Field(
        min_length=1, examples=[{"orders_30d": {"function": "count", "window": "30d"}}]
    )
    """Columns to add, by name."""

    name: str = Field(default="events", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """How the events are given at prediction: mlops predict … history.NAME=FILE. Each history needs its own name."""

    def run(self, table: Table, events: Table, *, context: Context) -> Table:
        """Add the columns."""
        from mlops_history.adding import add

        return add(self, table, events=events, context=context)
