"""Columns that a recipe derives from others of the same row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mlops.errors import StageError
from mlops.formats import Roles
from mlops.formats.derived import Derived, compiled, needed_columns

__all__ = ["Derivation", "derivation"]


@dataclass(frozen=True)
class Derivation:
    """Derived columns, compiled against the columns that are given."""

    derived: tuple[Derived, ...]
    given: Mapping[str, pl.DataType]
    schema: Mapping[str, pl.DataType]
    """Columns given, then those derived."""

    expressions: tuple[pl.Expr, ...]

    def apply(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Add the derived columns."""
        for expression in self.expressions:
            rows = rows.with_columns(expression)
        return rows

    def towards(self, columns: Sequence[str]) -> tuple[Derived, ...]:
        """List what must be derived so that these columns are there, in order."""
        needed = set(columns)
        kept: list[Derived] = []
        for item in reversed(self.derived):
            if item.name in needed:
                kept.insert(0, item)
                needed.update(_roots(item))
        return tuple(kept)

    def sources(self, columns: Sequence[str]) -> tuple[str, ...]:
        """List the columns that must be given so that these columns are there, in the table's order."""
        needed = set(needed_columns(self.derived, columns))
        return tuple(name for name in self.given if name in needed)


def derivation(expressions: Mapping[str, str], schema: Mapping[str, pl.DataType], *, roles: Roles) -> Derivation:
    """Compile derived columns, each of which may use those above it.

    Raises:
        StageError: an expression cannot be used, would tell the target or the weight, or bears
            the name of a column that is there.
    """
    derived = tuple(Derived(name=name, sql=sql) for name, sql in expressions.items())
    for item in derived:
        if item.name in schema:
            raise StageError(
                f"the derived column {item.name!r} has the name of a column that is there",
                where=f"features.derive.{item.name}",
                fix="choose another name",
            )
    made = compiled(derived, schema)
    for item in derived:
        _refuse_leak(item, roles)
    types = {item.name: dtype for item, (_, dtype) in zip(derived, made, strict=True)}
    return Derivation(derived, dict(schema), {**schema, **types}, tuple(expression for expression, _ in made))


def _refuse_leak(item: Derived, roles: Roles) -> None:
    for role in ("target", "weight"):
        if getattr(roles, role) in _roots(item):
            raise StageError(
                f"the derived column {item.name!r} uses the {role} {getattr(roles, role)!r}, "
                "which a row to be predicted does not have",
                where=f"features.derive.{item.name}: {item.sql}",
                fix="compute it from other columns",
            )


def _roots(item: Derived) -> list[str]:
    return pl.sql_expr(item.sql).meta.root_names()
