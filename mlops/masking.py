"""Secrets: references become values at the moment of use, and values become references in all that is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["REFERENCE", "SHORTEST", "Mask", "reveal"]

REFERENCE = re.compile(r"\$\{oc\.env:([A-Z_][A-Z0-9_]*)\}")
"""A reference to an environment variable, defaults already settled."""

SHORTEST = 4
"""Shorter values are not secrets, and masking them would garble ordinary text."""


class Mask:
    """Replaces each value by its reference; callable on text."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names = {value: name for name, value in secrets.items() if len(value) >= SHORTEST}
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
