"""Whether two tables have what a history asks of them: columns, types, conditions."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import polars as pl

from mlops.errors import StageError
from mlops.formats.history import Calculation, HistorySpec
from mlops.formats.rowwise import looks_at_other_rows

__all__ = ["check_events", "check_frame", "check_together", "condition_columns", "is_aware"]

_LISTED = 12
"""Names shown when none is near."""


def check_frame(spec: HistorySpec, schema: pl.Schema) -> None:
    """See that the main table has what is needed, and none of the columns to be made.

    Raises:
        StageError: it has not.
    """
    for name in (*spec.entity, spec.time):
        _present(spec, name, schema, table="the main table")
    _check_time(spec, spec.time, schema, key="time")
    for name in spec.made:
        if name in schema:
            raise _fault(spec, f"makes the column {name!r}, which the table has already", fix="give it another name")


def check_events(spec: HistorySpec, schema: pl.Schema) -> None:
    """See that the other table has the columns, of fitting types, and that the conditions can be judged.

    Raises:
        StageError: it has not.
    """
    for _, name in spec.keys:
        _present(spec, name, schema, table="the table of events")
    _present(spec, spec.event_time, schema, table="the table of events")
    _check_time(spec, spec.event_time, schema, key="event_time")
    for item in spec.aggregates:
        if item.column is not None:
            _present(spec, item.column, schema, table="the table of events", key=f"columns.{item.name}.column")
            _check_value(spec, item.name, item, schema[item.column])
        if item.where is not None:
            _check_condition(spec, item.name, item.where, schema)


def check_together(spec: HistorySpec, schema: pl.Schema, events: pl.Schema) -> None:
    """See that entities and times of both tables can be compared.

    Raises:
        StageError: they cannot.
    """
    for ours, theirs in spec.keys:
        one, other = _family(schema[ours]), _family(events[theirs])
        if one != other and "Null" not in (one, other):
            raise _fault(
                spec,
                f"cannot match the column {ours!r} ({schema[ours]}) with {theirs!r} of the events ({events[theirs]})",
                fix=f"give both one type where the data is read, such as: types: {{{theirs}: {_wording(one)}}}",
            )
    _check_zones(spec, schema[spec.time], events[spec.event_time])


def is_aware(dtype: pl.DataType) -> bool:
    """Say whether times of a type are in a time zone."""
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None


def condition_columns(sql: str) -> list[str]:
    """List the columns that a condition uses.

    Raises:
        StageError: it is no SQL expression.
    """
    try:
        return list(dict.fromkeys(pl.sql_expr(sql).meta.root_names()))
    except (pl.exceptions.PolarsError, ValueError) as exc:
        raise StageError(
            f"not an SQL expression: {_first_line(exc)}", where=sql, fix="write a condition such as: late = 1"
        ) from exc


def _check_zones(spec: HistorySpec, ours: pl.DataType, theirs: pl.DataType) -> None:
    """A time without a zone, or a date, could be hours off a time in a zone: it may be the future."""
    if is_aware(ours) == is_aware(theirs) or pl.Null in (ours, theirs):
        return
    zoned, bare = (spec.time, spec.event_time) if is_aware(ours) else (spec.event_time, spec.time)
    raise _fault(
        spec,
        f"cannot compare the times {zoned!r}, which have a time zone, with {bare!r}, which have none",
        fix="give both with a zone, or both without (then in UTC)",
    )


def _check_time(spec: HistorySpec, name: str, schema: pl.Schema, *, key: str) -> None:
    dtype = schema[name]
    if dtype not in (pl.Date, pl.Datetime, pl.Null):
        raise _fault(
            spec,
            f"needs dates or datetimes in `{key}`; the column {name!r} is {dtype}",
            fix=f"declare it where the data is read: types: {{{name}: datetime}}",
        )


def _check_value(spec: HistorySpec, name: str, item: Calculation, dtype: pl.DataType) -> None:
    number = dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)
    fits = {
        "sum": number,
        "mean": number,
        "std": number,
        "min": number or dtype.is_temporal(),
        "max": number or dtype.is_temporal(),
        "nunique": not (dtype.is_nested() or dtype == pl.Object),
    }
    if not fits.get(item.function, True):
        raise _fault(
            spec,
            f"cannot compute the {item.function} of {item.column!r}, which is {dtype}",
            key=f"columns.{name}",
            fix="use last, count or nunique" if not dtype.is_nested() else "use last or count",
        )


def _check_condition(spec: HistorySpec, name: str, sql: str, schema: pl.Schema) -> None:
    key = f"columns.{name}.where: {sql}"
    try:
        columns = condition_columns(sql)
    except StageError as exc:
        raise _fault(spec, f"has a condition that is {exc.what}", key=key, fix=exc.fix) from exc
    for column in columns:
        _present(spec, column, schema, table="the table of events", key=key)
    expr, empty = pl.sql_expr(sql), pl.DataFrame(schema=schema)
    if looks_at_other_rows(expr, schema):
        raise _fault(
            spec,
            "has a condition that looks at other rows, which may lie in the future",
            key=key,
            fix="use only columns of the row itself",
        )
    try:
        answer = empty.with_columns(__answer__=expr).schema["__answer__"]
    except pl.exceptions.PolarsError as exc:
        hint = "compare times with a typed constant, such as: timestamp '2013-09-01 00:00:00' or date '2013-09-01'"
        fix = hint if "date/datetime/time" in str(exc) else ""
        raise _fault(
            spec, f"has a condition that does not fit the columns: {_first_line(exc)}", key=key, fix=fix
        ) from exc
    if answer != pl.Boolean():
        raise _fault(
            spec, f"has a condition that gives {answer}, not true or false", key=key, fix="compare it, such as: a > 1"
        )


def _present(spec: HistorySpec, name: str, known: Iterable[str], *, table: str, key: str = "") -> None:
    names = list(known)
    if name in names:
        return
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    more = ", …" if len(names) > _LISTED else ""
    fix = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names[:_LISTED])}{more}"
    raise _fault(spec, f"needs the column {name!r}, which {table} lacks", key=key, fix=fix)


def _family(dtype: pl.DataType) -> str:
    """Types of one family hold the same entities."""
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    return "whole" if dtype.is_integer() else str(dtype)


def _wording(family: str) -> str:
    return {"text": "string", "whole": "int64"}.get(family, family.lower())


def _first_line(error: BaseException) -> str:
    return str(error).split("\n\n", maxsplit=1)[0].strip() or type(error).__name__


def _fault(spec: HistorySpec, what: str, *, key: str = "", fix: str = "") -> StageError:
    return StageError(f"the history {spec.name!r} {what}", where=key, fix=fix)
