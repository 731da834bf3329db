"""What YAML is read into: values that know where they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Node", "Place", "plain_value"]

MAX_NUMBER = 400
"""Longer runs of digits are text; turning them into numbers takes time that grows with the square."""

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F][0-9a-fA-F_]*|0o[0-7][0-7_]*")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9_]*)(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


@dataclass(frozen=True)
class Place:
    """Where something was written: a position in a file (1-based), or words such as 'override 2'."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass
class Node:
    """A scalar, list or mapping, with its place; `size` counts what it expands to."""

    place: Place
    value: Any = None
    items: dict[str, tuple[Place, Node]] | None = None
    elements: list[Node] | None = None
    size: int = 1

    @property
    def is_scalar(self) -> bool:
        """Tell whether it is neither a list nor a mapping."""
        return self.items is None and self.elements is None

    def data(self) -> Any:
        """Give plain Python data."""
        if self.items is not None:
            return {key: child.data() for key, (_, child) in self.items.items()}
        if self.elements is not None:
            return [child.data() for child in self.elements]
        return self.value

    def places(self, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Place, Node]]:
        """Walk every key and list item, outermost first."""
        for key, (place, child) in (self.items or {}).items():
            yield (*prefix, key), place, child
            yield from child.places((*prefix, key))
        for index, child in enumerate(self.elements or ()):
            yield (*prefix, str(index)), child.place, child
            yield from child.places((*prefix, str(index)))

    def get(self, key: str) -> tuple[Place, Node] | None:
        """Find a mapping's entry."""
        return (self.items or {}).get(key)


def plain_value(text: str) -> Any:
    """Read an unquoted scalar: null, bool, int, float, else text.

    Dates, times and what YAML 1.1 and 1.2 read differently (012, 1:30) stay text, as do numbers
    too large to be told from infinity.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > MAX_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text.replace("_", ""), 0)
    if _FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
        return number if math.isfinite(number) else text
    return text
