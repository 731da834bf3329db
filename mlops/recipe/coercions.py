"""Find values that pydantic turned into another type without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from mlops.origin import KeyPath
from mlops.recipe.wording import TYPES

__all__ = ["coercions"]


def coercions(given: Any, taken: Any, path: KeyPath = ()) -> Iterable[tuple[KeyPath, str]]:
    """Find values that were silently turned into another type: text into a number, true into 1.

    Yields:
        The key path, and pydantic's name for what the value should have been.
    """
    if isinstance(given, Mapping):
        for key, item in given.items():
            inner = getattr(taken, str(key), None) if isinstance(taken, BaseModel) else _get(taken, key)
            yield from coercions(item, inner, (*path, str(key)))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple) and len(given) == len(taken):
        for index, (item, inner) in enumerate(zip(given, taken, strict=True)):
            yield from coercions(item, inner, (*path, str(index)))
    elif _was_turned(given, taken):
        yield path, type(taken).__name__


def _was_turned(given: Any, taken: Any) -> bool:
    wanted = type(taken).__name__
    if wanted not in TYPES or type(given) is type(taken) or given is None:
        return False
    if isinstance(given, str):
        return wanted in ("int", "float", "bool") and "${oc.env:" not in given and _spells(given, taken)
    if isinstance(given, bool):
        return wanted in ("int", "float")
    if isinstance(given, float):
        return wanted in ("int", "bool", "date", "datetime", "time")
    return isinstance(given, int) and wanted in ("bool", "date", "datetime", "time")


def _spells(given: str, taken: Any) -> bool:
    """Tell whether text was read as the value it spells, not by a rule of the field's own such as 10m."""
    if isinstance(taken, bool):
        return given.strip().lower() in ("true", "false", "yes", "no", "on", "off", "t", "f", "y", "n", "1", "0")
    try:
        return float(given) == float(taken)
    except ValueError:
        return False


def _get(taken: Any, key: Any) -> Any:
    return taken.get(key) if isinstance(taken, Mapping) else None
