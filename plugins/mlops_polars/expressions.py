"""SQL expressions from a recipe, compiled against one table's columns and nothing else."""

from __future__ import annotations

import polars as pl

from mlops.errors import StageError
from mlops_polars.fields import near

__all__ = ["compiled", "first_line", "unknown_columns"]


def first_line(error: BaseException) -> str:
    """The part of a Polars message that is for people: what comes before the plan."""
    return str(error).split("\n\n", maxsplit=1)[0].strip() or type(error).__name__


def _parsed(sql: str, *, key: str) -> pl.Expr:
    try:
        return pl.sql_expr(sql)
    except (pl.exceptions.PolarsError, ValueError) as exc:
        raise StageError(
            f"{key} is not an SQL expression: {first_line(exc)}", where=sql, fix="write an expression such as: a > 1"
        ) from exc


def unknown_columns(sql: str, schema: pl.Schema, *, key: str) -> list[str]:
    """List the columns that an expression uses and the table lacks."""
    return [name for name in dict.fromkeys(_parsed(sql, key=key).meta.root_names()) if name not in schema]


def compiled(sql: str, schema: pl.Schema, *, key: str) -> pl.Expr:
    """Compile an expression that is true or false for each row.

    Args:
        sql: The expression as written in the recipe.
        schema: The columns it may use.
        key: The recipe's key that holds it, for messages.

    Raises:
        StageError: it does not parse, uses a column that is not there, or is not true or false.
    """
    missing = unknown_columns(sql, schema, key=key)
    if missing:
        raise StageError(
            f"{key} uses the column {missing[0]!r}, which is not there", where=sql, fix=near(missing[0], schema)
        )
    expr = _parsed(sql, key=key)
    try:
        answer = pl.DataFrame(schema=schema).select(answer=expr).schema["answer"]
    except pl.exceptions.PolarsError as exc:
        hint = "compare times with a typed constant, such as: timestamp '2013-09-01 00:00:00' or date '2013-09-01'"
        fix = hint if "date/datetime/time" in str(exc) else ""
        raise StageError(f"{key} does not fit the columns: {first_line(exc)}", where=sql, fix=fix) from exc
    if answer != pl.Boolean():
        raise StageError(f"{key} gives {answer}, not true or false", where=sql, fix="compare it, such as: a > 1")
    return expr
