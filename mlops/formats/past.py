"""Another table's rows in order of entity and time, ready to say what was known at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.history import Aggregate, HistorySpec, span
from mlops.formats.past_checks import check_events, check_frame, check_together, condition_columns
from mlops.formats.past_types import as_trained
from mlops.formats.past_values import ANSWERS, has_value
from mlops.formats.ranges import Ranges

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

__all__ = ["Past", "event_columns", "with_history"]

Array = np.ndarray[Any, np.dtype[Any]]

_TICK = timedelta(microseconds=1)
_DAY = 86_400_000_000
"""Microseconds; times are compared to the microsecond."""


def event_columns(spec: HistorySpec) -> tuple[str, ...]:
    """List the columns of the other table that a history uses."""
    used = [theirs for _, theirs in spec.keys] + [spec.event_time]
    for item in spec.aggregates:
        used += [item.column] if item.column is not None else []
        used += condition_columns(item.where) if item.where is not None else []
    return tuple(dict.fromkeys(used))


@dataclass(frozen=True)
class _Asked:
    """Rows of the main table."""

    entity: Array
    """Codes of the entities, int64 (rows,); -1 for one without events."""

    time: Array
    """Microseconds, int64 (rows,)."""

    unknown: Array
    """Rows without a time or an entity, bool (rows,)."""


@dataclass(frozen=True)
class Past:
    """The events of one history, sorted once; then any number of frames can be asked for."""

    spec: HistorySpec
    schema: pl.Schema
    """Columns of the events that are used."""

    entities: pl.DataFrame
    """The different entities, one row each, and ``code``."""

    events: pl.DataFrame
    """The columns used, by entity, time, and place in the table."""

    conditions: pl.DataFrame
    """A true, false or null for each event, one column for each condition."""

    happened: Array
    """When each event happened, in microseconds; for a date its first moment."""

    moments: Array
    """The different moments, ascending, as of which events count (before the lag), in microseconds."""

    places: Array
    """Entity and moment of each event as one number, ascending."""

    without_time: int
    """Rows left out because they have no time."""

    without_entity: int
    """Rows left out because a column of the entity is null."""

    @classmethod
    def of(cls, spec: HistorySpec, events: pl.DataFrame | pl.LazyFrame) -> Self:
        """Sort the events.

        Raises:
            StageError: a column is missing or has a type that does not fit.
        """
        schema = events.lazy().collect_schema()
        rows = _collected(events, [name for name in event_columns(spec) if name in schema])
        rows = as_trained(rows, spec.event_types, whose=f"the events of the history {spec.name!r}")
        check_events(spec, pl.Schema({**schema, **rows.schema}))
        timed = rows.filter(pl.col(spec.event_time).is_not_null())
        named = timed.drop_nulls([theirs for _, theirs in spec.keys])
        keys = _keys(named, [theirs for _, theirs in spec.keys])
        entities = keys.unique(maintain_order=True).with_columns(code=pl.int_range(pl.len(), dtype=pl.Int64))
        happened = _microseconds(named[spec.event_time])
        counted = _counting(spec, named[spec.event_time].dtype, happened)
        moments = np.unique(counted)
        places = _codes(keys, entities) * (len(moments) + 1) + np.searchsorted(moments, counted)
        order = np.argsort(places, kind="stable")
        ordered = named[order]
        return cls(
            spec=spec,
            schema=rows.schema,
            entities=entities,
            events=ordered,
            conditions=_judged(spec, ordered),
            happened=happened[order],
            moments=moments,
            places=places[order],
            without_time=rows.height - timed.height,
            without_entity=timed.height - named.height,
        )

    def beside(self, frame: Frame) -> Frame:
        """Give a frame with the columns made behind its own; a lazy one stays lazy, only keys and columns are held.

        Raises:
            StageError: a column is missing, has a type that does not fit, or exists already.
        """
        if isinstance(frame, pl.LazyFrame):
            made = self.columns(frame)
            return pl.concat([frame, made.lazy()], how="horizontal")
        return frame.hstack(self.columns(frame))

    def columns(self, frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
        """Compute the columns for a frame's rows, in their order.

        Raises:
            StageError: a column is missing, has a type that does not fit, or exists already.
        """
        schema = frame.lazy().collect_schema()
        used = [name for name in dict.fromkeys((*self.spec.entity, self.spec.time)) if name in schema]
        rows = as_trained(_collected(frame, used), self.spec.types, whose="the main table")
        check_frame(self.spec, pl.Schema({**schema, **rows.schema}))
        check_together(self.spec, rows.schema, self.schema)
        asked = self._asked(rows)
        end = self._before(asked, self.spec.lag)
        windows = dict.fromkeys(item.window for item in self.spec.aggregates)
        ranges = {window: Ranges(self._since(asked, window), end) for window in windows}
        answers = [self._answer(item, ranges[item.window], asked) for item in self.spec.aggregates]
        null = pl.Series(asked.unknown)
        return pl.DataFrame(
            [column.set(null, None).alias(name) for column, name in zip(answers, self.spec.made, strict=True)]
        )

    def _asked(self, rows: pl.DataFrame) -> _Asked:
        ours = [name for name, _ in self.spec.keys]
        keys = _keys(rows, ours)
        same = keys.select(
            pl.col(name).cast(dtype, strict=False)
            for name, dtype in zip(keys.columns, self.entities.drop("code").dtypes, strict=True)
        )
        times = rows[self.spec.time]
        missing = rows.select(pl.any_horizontal(pl.col(name).is_null() for name in (*ours, self.spec.time)))
        return _Asked(_codes(same, self.entities), _microseconds(times), missing.to_series().to_numpy())

    def _before(self, asked: _Asked, lag: str) -> Array:
        """Position behind the last event that is known to each row."""
        return self._position(asked, asked.time - span(lag) // _TICK)

    def _since(self, asked: _Asked, window: str | None) -> Array:
        """Position of the first event of each row's window."""
        if window is None:
            return self._found(asked, np.zeros(len(asked.time), dtype=np.int64))
        return self._position(asked, asked.time - (span(self.spec.lag) + span(window)) // _TICK)

    def _position(self, asked: _Asked, time: Array) -> Array:
        side: Any = "right" if self.spec.inclusive else "left"
        return self._found(asked, np.searchsorted(self.moments, time, side=side))

    def _found(self, asked: _Asked, rank: Array) -> Array:
        """Position of the first event of each row's entity whose moment has at least this rank; 0 for no entity."""
        found = np.searchsorted(self.places, asked.entity * (len(self.moments) + 1) + rank)
        found[(asked.entity < 0) | asked.unknown] = 0
        return found

    def _answer(self, item: Aggregate, ranges: Ranges, asked: _Asked) -> pl.Series:
        """Compute one column, as if every row had a time and an entity."""
        if item.function == "since":
            values = pl.Series(self.happened)
        elif item.function == "share":
            values = self.conditions[str(item.where)]
        else:
            values = self.events[item.column] if item.column is not None else pl.Series(self.places)
        kept = has_value(values)
        if item.where is not None and item.function != "share":
            kept &= self.conditions[item.where].fill_null(value=False)
        if not kept.all():
            mask = kept.to_numpy()
            values, ranges = values.filter(kept), ranges.narrowed(mask)
        answer = ANSWERS[item.function](values, ranges)
        return (pl.Series(asked.time) - answer) / _DAY if item.function == "since" else answer


def _collected(frame: pl.DataFrame | pl.LazyFrame, names: list[str]) -> pl.DataFrame:
    """Read some columns."""
    try:
        return frame.lazy().select(names).collect()
    except pl.exceptions.PolarsError as exc:
        raise StageError(f"the rows cannot be read: {str(exc).splitlines()[0]}") from exc


def _keys(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The columns of the entity under names of their own, pooled text as text; one entity when there are none."""
    if not names:
        return pl.DataFrame({"key0": np.zeros(rows.height, dtype=np.int8)})
    pooled = (pl.Categorical, pl.Enum)
    return rows.select(
        (pl.col(name).cast(pl.String) if rows.schema[name] in pooled else pl.col(name)).alias(f"key{place}")
        for place, name in enumerate(names)
    )


def _codes(keys: pl.DataFrame, entities: pl.DataFrame) -> Array:
    """Number of each row's entity; -1 for one that is not among them."""
    found = keys.join(entities, on=keys.columns, how="left", maintain_order="left")
    return np.asarray(found["code"].fill_null(-1).to_numpy())


def _microseconds(times: pl.Series) -> Array:
    """Microseconds since 1970 (in UTC where there is a zone), int64 (rows,); 0 for a null."""
    zone = times.dtype.time_zone if isinstance(times.dtype, pl.Datetime) else None
    return np.asarray(times.cast(pl.Datetime("us", zone)).to_physical().fill_null(0).to_numpy())


def _counting(spec: HistorySpec, dtype: pl.DataType, happened: Array) -> Array:
    """As of when events count, before the lag: a date is over only with its last moment."""
    return happened + _DAY - 1 if dtype == pl.Date and not spec.inclusive else happened


def _judged(spec: HistorySpec, events: pl.DataFrame) -> pl.DataFrame:
    """Evaluate each different condition."""
    asked = dict.fromkeys(item.where for item in spec.aggregates if item.where is not None)
    return pl.DataFrame([events.with_columns(__answer__=pl.sql_expr(sql))["__answer__"].alias(sql) for sql in asked])


def with_history(frame: Frame, spec: HistorySpec, events: pl.DataFrame | pl.LazyFrame) -> Frame:
    """Add to each row what was known at its time, as ``spec`` says; rows and their order stay.

    An event counts for a row at time t when it is of the same entity and was known before t:
    t - lag - window <= event time < t - lag. To add to many frames, prepare a `Past` once.

    Args:
        frame: rows of the main table; a lazy one must give its rows in the same order each time it is run.
        spec: what to compute.
        events: rows of the other table, in any order.

    Returns:
        The frame with the columns of ``spec.made`` behind its own; all null where a row has no time or entity.

    Raises:
        StageError: a column is missing, has a type that does not fit, or exists already.
    """
    return Past.of(spec, events).beside(frame)
