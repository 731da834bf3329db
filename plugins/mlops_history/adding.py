"""The work of the history stage: settle the columns, refuse a leak of labels, add what was known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from mlops.errors import LeakFound, StageError
from mlops.formats.history import Aggregate, HistorySpec
from mlops.formats.past import Past, event_columns
from mlops.formats.past_checks import condition_columns
from mlops.formats.table import Table
from mlops.stage import Context

if TYPE_CHECKING:
    from mlops_history.history import History

__all__ = ["add"]


def add(history: History, table: Table, *, events: Table, context: Context) -> Table:
    """Carry out a ``history`` section.

    Raises:
        LeakFound: the target of other rows, or the row itself, would be used.
        StageError: a table lacks a column, or has one of a type that does not fit.
    """
    spec = _spec(history, table, events)
    _refuse_name(spec, table)
    past = Past.of(spec, events.scan())
    _refuse_labels(history, spec, targets=_targets(table, events))
    _refuse_own_row(spec, table, events)
    _tell(past, events, context=context)
    made = past.columns(table.scan())
    kept = spec.model_copy(
        update={
            "types": {name: table.columns[name] for name in dict.fromkeys((*spec.entity, spec.time))},
            "event_types": {name: events.columns[name] for name in event_columns(spec)},
        }
    )
    roles = table.roles.model_copy(update={"history": (*table.roles.history, kept)})
    frame = pl.concat([table.scan(), made.lazy()], how="horizontal")
    return Table.create(context.output("table"), frame, roles=roles)


def _spec(history: History, table: Table, events: Table) -> HistorySpec:
    """Settle what the section left to the tables' roles."""
    ours, theirs = _entity(history.entity)
    return HistorySpec(
        name=history.name,
        entity=ours,
        event_entity=theirs if theirs != ours else (),
        time=_time(history.time, table, key="time", whose="the table"),
        event_time=_time(history.event_time, events, key="event_time", whose="the table of events"),
        lag=history.lag or "0s",
        inclusive=history.inclusive,
        aggregates=tuple(
            Aggregate(name=name, **calculation.model_dump()) for name, calculation in history.columns.items()
        ),
    )


def _entity(given: str | tuple[str, ...] | dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if isinstance(given, dict):
        return tuple(given), tuple(given.values())
    names = (given,) if isinstance(given, str) else given
    return names, names


def _time(given: str | None, table: Table, *, key: str, whose: str) -> str:
    name = given or table.roles.time
    if name is None:
        raise StageError(
            f"it is not known when the rows of {whose} are: no column has the role time",
            fix=f"write `{key}: COLUMN`, or `time: COLUMN` where that table is read",
        )
    return name


def _refuse_name(spec: HistorySpec, table: Table) -> None:
    if spec.name in {other.name for other in table.roles.history}:
        raise StageError(
            f"two histories are called {spec.name!r}, so at prediction their events could not be told apart",
            fix="give this one another `name`",
        )


def _targets(table: Table, events: Table) -> set[str]:
    """Name the columns of the events that hold what is to be predicted."""
    return {name for name in (table.roles.target, events.roles.target) if name is not None and name in events.columns}


def _refuse_labels(history: History, spec: HistorySpec, *, targets: set[str]) -> None:
    """The outcome of the rows just before is not known yet; nobody but a person knows when it is."""
    for key in spec.entity:
        if key in targets:
            raise LeakFound(f"`entity` names the target {key!r}", fix="name what is known of a row before its outcome")
    if history.lag is not None:
        return
    for item in spec.aggregates:
        used = {item.column, *(condition_columns(item.where) if item.where is not None else ())}
        for target in sorted(targets & used):
            raise LeakFound(
                f"the column {item.name!r} uses the target {target!r} of past rows, and it is not said how long "
                "after a row its outcome is known",
                where=f"columns.{item.name}",
                fix="write `lag: 1d`, or as long as it takes; `lag: 0s` if the outcome is known at once",
            )


def _refuse_own_row(spec: HistorySpec, table: Table, events: Table) -> None:
    if spec.inclusive and spec.lag[:-1].strip("0") == "" and table.folder.resolve() == events.folder.resolve():
        raise LeakFound(
            "a table that is its own history would count each row itself, because of `inclusive: true`",
            fix="leave out `inclusive`, or give a lag",
        )


def _tell(past: Past, events: Table, *, context: Context) -> None:
    """Say how many events take part, and why others do not."""
    context.metric("events", past.events.height)
    if past.without_time:
        context.log.warning(
            "%s of %s events have no time and are ignored", f"{past.without_time:,}", f"{events.rows:,}"
        )
    if past.without_entity:
        context.log.warning(
            "%s of %s events have no entity and are ignored", f"{past.without_entity:,}", f"{events.rows:,}"
        )
