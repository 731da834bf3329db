"""Whether an expression gives a row the same value whatever rows come with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

__all__ = ["looks_at_other_rows"]

_ACROSS = frozenset(
    {"Agg", "Over", "Window", "Len", "Explode", "Sort", "SortBy", "Gather", "Filter", "Slice", "Rolling", "Unique"}
)
"""Nodes of an expression that combine, move or drop rows."""


def looks_at_other_rows(expr: pl.Expr, schema: Mapping[str, Any]) -> bool:
    """Tell whether an expression aggregates, ranks or moves rows.

    Its nodes are looked through, and it is tried on a few made-up rows: together they must give
    what each gives alone. Polars' own ``is_row_separable`` says yes to a sum.
    """
    if not _ACROSS.isdisjoint(_words(json.loads(expr.meta.serialize(format="json")))):
        return True
    rows = pl.DataFrame({name: _made_up(schema[name]) for name in expr.meta.root_names()})
    try:
        together = rows.with_columns(answer=expr)["answer"]
        alone = pl.concat([rows[place : place + 1].with_columns(answer=expr)["answer"] for place in range(rows.height)])
    except pl.exceptions.ShapeError:
        return True
    except (pl.exceptions.PolarsError, ValueError):
        return False  # made-up values do not suit it, such as a cast of text to a number
    return not together.equals(alone)


def _words(node: Any) -> Iterator[str]:
    """Names of all nodes; names of functions, columns and literals are none."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _words(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            yield key
            if key == "Function":
                yield from _words(item["input"])
            elif key not in ("Literal", "Column"):
                yield from _words(item)


def _made_up(dtype: Any) -> pl.Series:
    """Five different values of a type, one of them null."""
    start = datetime(2020, 1, 31, 5, 7, 9)  # noqa: DTZ001 - the column's own type decides on a zone
    if dtype.is_numeric():
        values: list[Any] = [3, 1, None, 4, 2]
    elif dtype == pl.Boolean:
        values = [True, None, False, True, False]
    elif dtype == pl.Date:
        values = [date(2020, 1, 1 + 9 * (day % 3)) if day else None for day in range(5)]
    elif isinstance(dtype, pl.Datetime):
        values = [start + timedelta(hours=31 * (hour % 3)) if hour else None for hour in range(5)]
        return pl.Series(values, dtype=pl.Datetime(dtype.time_unit)).dt.replace_time_zone(dtype.time_zone)
    else:
        values = ["b", "a", None, "cc", "d"]
    if dtype.is_nested():
        return pl.Series([None] * len(values), dtype=dtype)
    return pl.Series(values).cast(dtype, strict=False)
