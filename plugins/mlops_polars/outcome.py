"""What became of one rule, for the artifact and for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from mlops_polars.fields import Severity

__all__ = ["Example", "Outcome", "plain"]

_TOLD = 2
"""Examples that a sentence quotes; the artifact has all."""

_LONGEST = 80
"""Letters of a text that are shown; an e-mail or a picture would bury the message."""


@dataclass(frozen=True)
class Example:
    """One bad value; rows count from 1."""

    row: int
    value: Any


@dataclass(frozen=True)
class Outcome:
    """The verdict on one rule."""

    name: str
    severity: Severity
    passed: bool
    rows: int
    """Rows of the table."""

    broken: int = 0
    """Rows that break the rule; none when it is about the table as a whole."""

    examples: tuple[Example, ...] = ()
    note: str = ""
    """What was found, where no row can be shown."""

    @property
    def judged(self) -> bool:
        """Whether the rule could be judged at all."""
        return not self.note.startswith("not judged")

    @property
    def share(self) -> float:
        """Broken rows as a share of all (0 to 1)."""
        return self.broken / self.rows if self.rows else 0.0

    def entry(self) -> dict[str, Any]:
        """Write the outcome as JSON values."""
        examples = [{"row": example.row, "value": plain(example.value)} for example in self.examples]
        facts = {"name": self.name, "severity": self.severity, "passed": self.passed, "broken": self.broken}
        return {**facts, "share": self.share, "examples": examples, "note": self.note}

    def sentence(self) -> str:
        """Say what was found in one line."""
        if self.note:
            return f"{self.name} ({self.severity}): {self.note}"
        seen = ", ".join(f"row {example.row:,}: {plain(example.value)!r}" for example in self.examples[:_TOLD])
        return f"{self.name} ({self.severity}): {self.broken:,} of {self.rows:,} rows ({self.share:.2%}), as {seen}"


def plain(value: Any) -> Any:
    """Turn a cell into a value that JSON can hold; of a long text its beginning."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta) or not isinstance(value, str | int | float | bool | None):
        return _short(str(value))
    return _short(value) if isinstance(value, str) else value


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
