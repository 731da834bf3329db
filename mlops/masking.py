"""Secrets: references become values at the moment of use, and values become references in all that is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["REFERENCE", "SHORTEST", "Mask", "named_in", "reveal"]

REFERENCE = re.compile(r"\$\{oc\.env:([A-Z_][A-Z0-9_]*)\}")
"""A reference to an environment variable, defaults already settled."""

_WRITTEN = re.compile(r"\$\{\s*oc\.env\s*:\s*([^},\s]*)")
"""A reference as a person writes it, with or without a default."""

SHORTEST = 4
"""Shorter values are not secrets, and masking them would garble ordinary text."""


class Mask:
    """Replaces each value by its reference, also where it was escaped on its way; callable on text."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {}
        for name, value in secrets.items():
            if len(value) >= SHORTEST:
                self._names.update(dict.fromkeys(_spellings(value), name))
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """Mask one text."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: f"${{oc.env:{self._names[found[0]]}}}", text)

    def deep(self, value: Any) -> Any:
        """Mask every text in nested data, keys included."""
        if self._pattern is None:
            return value
        if isinstance(value, Mapping):
            return {self(str(key)): self.deep(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(item) for item in value]
        return self(value) if isinstance(value, str) else value


def _spellings(value: str) -> Iterator[str]:
    """Spell a value as it is, stripped, as Python's repr and JSON escape it, and as a URL carries it."""
    for text in dict.fromkeys((value, value.strip())):
        if len(text) < SHORTEST:
            continue
        yield text
        yield repr(text)[1:-1]
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield quote(text, safe="")
        yield quote(text)


def named_in(texts: Iterable[str]) -> set[str]:
    """Name every environment variable that recipes or overrides refer to, as written, set or not."""
    return {name for text in texts for name in _WRITTEN.findall(text)}


def reveal(value: Any, secrets: Mapping[str, str]) -> Any:
    """Replace references to environment variables by their values, at the moment of use."""
    if not secrets:
        return value
    if isinstance(value, Mapping):
        return {key: reveal(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [reveal(item, secrets) for item in value]
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: secrets.get(found[1], found[0]), value)
    return value
