"""Names and patterns → columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import translate

import polars as pl

from mlops.errors import StageError

__all__ = ["is_pattern", "matching"]

_TYPE, _REGEX = "type:", "re:"
_TYPES = ("numeric", "categorical", "datetime", "text")


def is_pattern(selector: str, schema: Mapping[str, pl.DataType]) -> bool:
    """Tell a pattern from a column's name; a name that looks like a pattern is still a name."""
    return selector not in schema and (selector.startswith((_TYPE, _REGEX)) or any(sign in selector for sign in "*?["))


def matching(selector: str, schema: Mapping[str, pl.DataType], *, where: str) -> tuple[str, ...]:
    """List the columns that a name or pattern means, in the table's order.

    Args:
        selector: a name, ``weather_*``, ``re:…`` or ``type:…``.
        schema: the columns that there are.
        where: the recipe's key, for the message.

    Raises:
        StageError: there is no such column, or the pattern means none or cannot be read.
    """
    if selector in schema:
        return (selector,)
    if not is_pattern(selector, schema):
        raise StageError(f"there is no column {selector!r}", where=where, fix=_fix(selector, tuple(schema)))
    if selector.startswith(_TYPE):
        found = [name for name, dtype in schema.items() if _is(dtype, selector.removeprefix(_TYPE), where=where)]
    else:
        expression = _expression(selector, where=where)
        found = [name for name in schema if expression.fullmatch(name)]
    if not found:
        bare = selector.removeprefix(_TYPE).removeprefix(_REGEX).strip("*?[]^$.")
        raise StageError(f"no column fits {selector!r}", where=where, fix=_fix(bare, tuple(schema)))
    return tuple(found)


def _expression(selector: str, *, where: str) -> re.Pattern[str]:
    try:
        return re.compile(selector.removeprefix(_REGEX) if selector.startswith(_REGEX) else translate(selector))
    except re.error as exc:
        raise StageError(f"{selector!r} is not a regular expression: {exc}", where=where) from exc


def _is(dtype: pl.DataType, kind: str, *, where: str) -> bool:
    fits = {
        "numeric": dtype.is_numeric() or dtype == pl.Boolean,
        "categorical": dtype in (pl.String, pl.Categorical, pl.Enum),
        "datetime": dtype in (pl.Date, pl.Datetime),
        "text": dtype == pl.String,
    }
    if kind not in fits:
        raise StageError(f"there is no type {kind!r}", where=where, fix=_fix(kind, _TYPES, what="types"))
    return fits[kind]


def _fix(name: str, known: Sequence[str], *, what: str = "columns") -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"the {what} are {', '.join(known)}"
