"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LEVELS", "Finding", "Level", "fail", "ok", "warn"]

Level = Literal["ok", "warn", "fail"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")
"""From best to worst. Fail: something will not work; warn: it may not, or not well."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and how it is."""

    level: Level
    topic: str
    """What it belongs to: python, libraries, disk, store …"""

    what: str
    where: str = ""
    fix: str = ""
    """How to mend it; empty when there is nothing to mend."""


def ok(topic: str, what: str, *, where: str = "") -> Finding:
    """Say that something is well."""
    return Finding("ok", topic, what, where)


def warn(topic: str, what: str, *, fix: str, where: str = "") -> Finding:
    """Say that something may not work, or not well."""
    return Finding("warn", topic, what, where, fix)


def fail(topic: str, what: str, *, fix: str, where: str = "") -> Finding:
    """Say that something will not work."""
    return Finding("fail", topic, what, where, fix)
