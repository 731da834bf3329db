"""A small file of facts that save work and may be lost or wrong in shape without harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops.durable import write_hint

__all__ = ["Hints"]

_VERSION = 1
_MOST = 20_000
"""Entries kept in each section; beyond it the ones not used lately go first."""


class Hints:
    """Sections of key → JSON value, loaded at the first use and saved only when changed.

    Two processes may save over each other: each loses at most what the other will work out again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sections: dict[str, dict[str, Any]] | None = None
        self._used: set[tuple[str, str]] = set()
        self._changed = False

    def get(self, section: str, key: str) -> Any:
        """Look a hint up; None when there is none. The caller checks its shape."""
        self._used.add((section, key))
        return self._section(section).get(key)

    def put(self, section: str, key: str, value: Any) -> None:
        """Remember a hint until `save`."""
        self._used.add((section, key))
        self._section(section)[key] = value
        self._changed = True

    def save(self) -> None:
        """Write the hints if they changed; a folder that cannot be written is no reason to fail."""
        if not self._changed or self._sections is None:
            return
        kept = {name: self._pruned(name, entries) for name, entries in self._sections.items()}
        text = json.dumps({"version": _VERSION, "sections": kept}, separators=(",", ":"))
        self._changed = not write_hint(self.path, text.encode("ascii"))

    def _section(self, name: str) -> dict[str, Any]:
        if self._sections is None:
            self._sections = _load(self.path)
        return self._sections.setdefault(name, {})

    def _pruned(self, section: str, entries: dict[str, Any]) -> dict[str, Any]:
        if len(entries) <= _MOST:
            return entries
        by_use = sorted(entries, key=lambda key: (section, key) in self._used)
        return {key: entries[key] for key in by_use[-_MOST:]}


def _load(path: Path) -> dict[str, dict[str, Any]]:
    """Read the sections; whatever is torn, alien or of another version counts as nothing."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        return {}
    sections = content.get("sections")
    if not isinstance(sections, dict):
        return {}
    return {name: entries for name, entries in sections.items() if isinstance(entries, dict)}
