"""Rules about a table as a whole: its columns and their types, its row count, its age."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from mlops.errors import StageError
from mlops.formats.table import Table
from mlops_polars.contract import Freshness
from mlops_polars.dtypes import name_of
from mlops_polars.fields import Severity, near, timedelta_of
from mlops_polars.outcome import Outcome

if TYPE_CHECKING:
    from mlops_polars.validate import Validate

__all__ = ["table_outcomes"]


def table_outcomes(contract: Validate, table: Table) -> Iterator[Outcome]:
    """Judge every rule about the table as a whole."""
    schema = table.scan().collect_schema()
    yield from _columns(contract, schema, rows=table.rows)
    if contract.columns and contract.extra_columns != "allow":
        extra = [name for name in schema if name not in contract.columns]
        note = f"not in the contract: {', '.join(extra)}" if extra else ""
        yield Outcome("extra_columns", contract.extra_columns, not extra, table.rows, note=note)
    yield from _row_count(contract, table.rows)
    if contract.freshness is not None:
        yield _freshness(contract.freshness, table, schema)


def _columns(contract: Validate, schema: pl.Schema, *, rows: int) -> Iterator[Outcome]:
    for name, column in contract.columns.items():
        severity = _whole(column.severity or contract.severity)
        if name not in schema:
            note = f"there is no column {name!r}; {near(name, schema)}"
            if column.required:
                yield Outcome(f"{name}.required", severity, passed=False, rows=rows, note=note)
        elif column.type is not None:
            found = name_of(schema[name])
            note = "" if found == column.type else f"the column is {found or schema[name]}, not {column.type}"
            yield Outcome(f"{name}.type", severity, not note, rows, note=note)


def _whole(severity: Severity) -> Severity:
    """What a severity means for a rule that no single row breaks."""
    return "fail" if severity == "quarantine" else severity


def _row_count(contract: Validate, rows: int) -> Iterator[Outcome]:
    if contract.rows is None:
        return
    severity: Severity = contract.rows.severity or "fail"
    low, high = contract.rows.min, contract.rows.max
    if low is not None:
        note = f"there are {rows:,} rows, fewer than {low:,}" if rows < low else ""
        yield Outcome("rows.min", severity, not note, rows, note=note)
    if high is not None:
        note = f"there are {rows:,} rows, more than {high:,}" if rows > high else ""
        yield Outcome("rows.max", severity, not note, rows, note=note)


def _freshness(rule: Freshness, table: Table, schema: pl.Schema) -> Outcome:
    """Judge the age of the newest row; the clock's answer is not written down, only whether it passed."""
    if rule.column not in schema:
        raise StageError(
            f"`freshness` names the column {rule.column!r}, which is not there", fix=near(rule.column, schema)
        )
    if name_of(schema[rule.column]) not in ("date", "datetime"):
        raise StageError(
            f"`freshness` needs dates or datetimes; column {rule.column!r} is {schema[rule.column]}",
            fix=f"declare it where the data is read: types: {{{rule.column}: datetime}}",
        )
    newest = table.scan().select(pl.col(rule.column).max()).collect(engine="streaming").item()
    judge = "the clock" if rule.as_of is None else rule.as_of
    now = datetime.now(tz=UTC) if rule.as_of is None else _utc(datetime.fromisoformat(rule.as_of))
    passed = newest is not None and now - _utc(newest) <= timedelta_of(rule.max_age)
    note = "" if passed else f"the newest value is {newest}, more than {rule.max_age} before {judge}"
    return Outcome(f"freshness({rule.column})", rule.severity or "fail", passed, table.rows, note=note)


def _utc(moment: date) -> datetime:
    """A date or datetime as a moment in UTC."""
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
