"""From a contract to rules: what each asks of the rows, as an expression that is true for a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import polars as pl

from mlops.errors import StageError
from mlops_polars.contract import Column, Rule
from mlops_polars.dtypes import constant, name_of
from mlops_polars.expressions import compiled, first_line, unknown_columns
from mlops_polars.fields import Severity, near

if TYPE_CHECKING:
    from mlops_polars.validate import Validate

__all__ = ["RowRule", "Skipped", "row_rules"]

_CHECKS = ("nullable", "allowed", "regex", "min", "max", "unique")
_ANY_TYPE = ("nullable", "unique")


@dataclass(frozen=True)
class RowRule:
    """One rule about rows."""

    name: str
    severity: Severity
    bad: pl.Expr
    """True for a row that breaks the rule, never null."""

    columns: tuple[str, ...]
    """Columns whose values show why."""


@dataclass(frozen=True)
class Skipped:
    """A rule that cannot be judged, and why."""

    name: str
    severity: Severity
    note: str


def row_rules(contract: Validate, schema: pl.Schema) -> Iterator[RowRule | Skipped]:
    """List every rule about rows, in the contract's order.

    Raises:
        StageError: a rule does not fit the columns it speaks of.
    """
    for name, column in contract.columns.items():
        for check in _asked(column):
            yield _column_rule(check, name, contract, schema)
    for rule in contract.rules:
        yield _sql_rule(rule, contract, schema)
    for names in contract.unique:
        yield _unique_rule(names, contract, schema)


def _asked(column: Column) -> list[str]:
    """List the checks that a column's section asks for."""
    return [check for check in _CHECKS if getattr(column, check) != Column.model_fields[check].default]


def _column_rule(check: str, name: str, contract: Validate, schema: pl.Schema) -> RowRule | Skipped:
    column, dtype, rule = contract.columns[name], schema.get(name), f"{name}.{check}"
    severity = column.severity or contract.severity
    if dtype is None:
        return Skipped(rule, severity, f"not judged: there is no column {name!r}")
    found = name_of(dtype)
    if column.type not in (None, found) and check not in _ANY_TYPE:
        return Skipped(rule, severity, f"not judged: {name!r} is {found or dtype}, not {column.type}")
    try:
        bad = _bad(check, column, pl.col(name), dtype=dtype).fill_null(value=False)
        pl.DataFrame(schema={name: dtype}).select(bad)  # finds on no rows what would fail on all
    except (ValueError, TypeError, pl.exceptions.PolarsError) as exc:
        raise StageError(f"the rule `columns.{rule}` cannot be judged: {first_line(exc)}") from exc
    return RowRule(rule, severity, bad, (name,))


def _bad(check: str, column: Column, values: pl.Expr, *, dtype: pl.DataType) -> pl.Expr:
    """Write one check as an expression that is true for a bad value."""
    if name_of(dtype) == "categorical":
        values, dtype = values.cast(pl.String), pl.String()
    if check == "nullable":
        return values.is_null()
    if check == "unique":
        return values.is_not_null() & ~values.is_first_distinct()
    if check == "allowed":
        return ~values.is_in(_choices(column, dtype).implode())
    if check == "regex":
        return ~values.str.contains(f"^(?:{column.regex})$")
    return _beyond(check, column, values, dtype=dtype)


def _choices(column: Column, dtype: pl.DataType) -> pl.Series:
    values = [constant(value, dtype) for value in column.allowed or ()]
    halves = [value for value in values if dtype.is_integer() and value != int(value)]
    if halves:
        raise ValueError(f"{halves[0]!r} does not fit a column of whole numbers")
    return pl.Series(values, dtype=dtype, strict=False)


def _beyond(check: str, column: Column, values: pl.Expr, *, dtype: pl.DataType) -> pl.Expr:
    """Write a bound as an expression; a NaN is beyond every bound."""
    limit = column.min if check == "min" else column.max
    edge = pl.lit(constant(limit if limit is not None else "", dtype))
    beyond = values < edge if check == "min" else values > edge
    return beyond | values.is_nan() if dtype.is_float() else beyond


def _sql_rule(rule: Rule, contract: Validate, schema: pl.Schema) -> RowRule | Skipped:
    severity, key = rule.severity or contract.severity, f"the rule {rule.name!r}"
    missing = unknown_columns(rule.sql, schema, key=key)
    if missing and all(name in contract.columns for name in missing):
        return Skipped(rule.name, severity, f"not judged: there is no column {missing[0]!r}")
    holds = compiled(rule.sql, schema, key=key)
    used = holds.meta.root_names()
    columns = tuple(name for name in schema if name in used)
    return RowRule(rule.name, severity, (~holds).fill_null(value=False), columns)


def _unique_rule(names: tuple[str, ...], contract: Validate, schema: pl.Schema) -> RowRule:
    """Rows whose values occurred before; a row with a null among them is not judged."""
    for name in names:
        if name not in schema:
            raise StageError(f"`unique` names the column {name!r}, which is not there", fix=near(name, schema))
    known = reduce(and_, (pl.col(name).is_not_null() for name in names))
    bad = known & ~pl.struct(names).is_first_distinct()
    return RowRule(f"unique({', '.join(names)})", contract.unique_severity or contract.severity, bad, names)
