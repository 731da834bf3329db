"""The page of a whole run (placeholder until drawn)."""

from __future__ import annotations

from typing import Any


def render(run: dict[str, Any], fragments: list[tuple[str, str]]) -> str:
    return "<svg></svg>"
