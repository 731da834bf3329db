"""Columns computed from other columns of the same row: the same expressions in training and in serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from mlops.errors import StageError
from mlops.formats.clocks import clock_in

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Derived", "compiled", "needed_columns"]


class Derived(BaseModel):
    """One column made by an SQL expression over columns of its row, as Polars reads SQL."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    sql: str


def compiled(derived: Sequence[Derived], schema: Mapping[str, pl.DataType]) -> list[tuple[pl.Expr, pl.DataType]]:
    """Compile expressions in order; each may use the columns and those derived before it.

    Args:
        derived: what to compute.
        schema: the columns that are there.

    Returns:
        For each an expression that carries its name, and the type that it gives.

    Raises:
        StageError: an expression does not parse, uses a column that is not there, looks at other
            rows (an aggregate, a window), asks the clock, or does not fit the columns' types.
    """
    import polars as pl

    known: dict[str, Any] = dict(schema)
    made: list[tuple[pl.Expr, pl.DataType]] = []
    for item in derived:
        _refuse_clock(item)
        expr = _parsed(item)
        _refuse_unknown(item, expr, known)
        try:
            dtype = pl.LazyFrame(schema=known).select(expr.alias(item.name)).collect_schema()[item.name]
        except pl.exceptions.PolarsError as exc:
            raise _fault(item, f"does not fit the columns: {_first_line(exc)}") from exc
        _refuse_other_rows(item, expr, known)
        known[item.name] = dtype
        made.append((expr.alias(item.name), dtype))
    return made


def needed_columns(derived: Sequence[Derived], wanted: Sequence[str]) -> tuple[str, ...]:
    """List the columns that have to be given so that the wanted ones can be had, in order of first use."""
    sources = {item.name: item for item in derived}
    found: dict[str, None] = {}
    for name in wanted:
        inner = [root for root in _parsed(sources[name]).meta.root_names() if root != name] if name in sources else ()
        for column in needed_columns(derived, inner) if name in sources else (name,):
            found.setdefault(column)
    return tuple(found)


def _parsed(item: Derived) -> pl.Expr:
    import polars as pl

    try:
        return pl.sql_expr(item.sql)
    except (pl.exceptions.PolarsError, ValueError) as exc:
        raise _fault(item, f"is not an SQL expression: {_first_line(exc)}") from exc


def _refuse_clock(item: Derived) -> None:
    """The time of day would be one thing in training and another in serving."""
    clock = clock_in(item.sql)
    if clock:
        raise _fault(
            item,
            f"says {clock!r}, whose answer changes from run to run",
            fix="compare with a column that holds the moment at which the row is predicted",
        )


def _refuse_unknown(item: Derived, expr: pl.Expr, known: Mapping[str, Any]) -> None:
    for name in expr.meta.root_names():
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(known)}"
            raise _fault(item, f"uses the column {name!r}, which is not there", fix=hint)


def _refuse_other_rows(item: Derived, expr: pl.Expr, known: Mapping[str, Any]) -> None:
    """An aggregate or a window would give another value for a row that comes alone."""
    from mlops.formats.rowwise import looks_at_other_rows

    if looks_at_other_rows(expr, known):
        raise _fault(
            item,
            "looks at other rows, which a single row to be predicted does not have",
            fix="use only columns of the row itself; a history stage looks at other rows, those of the past",
        )


def _first_line(error: BaseException) -> str:
    return str(error).split("\n\n", maxsplit=1)[0].strip() or type(error).__name__


def _fault(item: Derived, what: str, *, fix: str = "") -> StageError:
    return StageError(
        f"the derived column {item.name!r} {what}", where=f"features.derive.{item.name}: {item.sql}", fix=fix
    )
