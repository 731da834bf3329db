"""Polars types as text, as signatures hold them, and back again."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from mlops.errors import StageError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["limits", "named", "wanted"]

_LARGEST_FLOAT32 = 3.4028235677973362e38
"""The largest double that float32 still rounds to a finite number: 2^128 − 2^103, less one step."""


def named(text: str) -> pl.DataType:
    """Read a type back from its text; an Enum becomes Categorical, so that it can hold what training never saw.

    Raises:
        StageError: it is not the text of a type.
    """
    import polars as pl

    try:
        made = _read(ast.parse(text, mode="eval").body)
        dtype = made() if isinstance(made, type) else made
    except (SyntaxError, ValueError, TypeError, AttributeError) as exc:
        raise StageError(f"{text!r} is no column type", fix="make the bundle again") from exc
    return pl.Categorical() if isinstance(dtype, pl.Enum) else dtype


def _read(node: ast.expr) -> Any:
    """Build what a call of type classes with plain values says; nothing else is looked up or called."""
    if isinstance(node, ast.Name):
        return _type_class(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        plain = {str(item.arg): ast.literal_eval(item.value) for item in node.keywords}
        return _type_class(node.func.id)(*(_read(item) for item in node.args), **plain)
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key): _read(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    return ast.literal_eval(node)


def _type_class(name: str) -> Any:
    import polars as pl

    found = getattr(pl, name)
    if not (isinstance(found, type) and issubclass(found, pl.DataType)):
        raise TypeError(name)
    return found


def limits(dtype: pl.DataType) -> tuple[int, int] | tuple[float, float]:
    """Give the least and the largest number that may stand in a column of numbers.

    A float column is bounded by float32, in which the graph takes it.
    """
    if not dtype.is_integer():
        return -_LARGEST_FLOAT32, _LARGEST_FLOAT32
    word = str(dtype).lower()
    bits = int(word.lstrip("uint"))
    return (0, 2**bits - 1) if word.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def wanted(dtype: pl.DataType) -> str:
    """Say what a column of a type takes, in words that follow "not"."""
    import polars as pl

    if dtype.is_integer():
        return "a whole number"
    if dtype.is_numeric():
        return "a number"
    words = {pl.Boolean: "true or false", pl.String: "text", pl.Categorical: "text", pl.Date: "a date"}
    words[pl.Datetime] = "a time"
    return words.get(dtype.base_type(), str(dtype))
