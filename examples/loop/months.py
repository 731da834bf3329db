"""What is remembered of a month of the loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Event", "Kind", "Month"]

Kind = Literal["fault", "alarm", "retrained", "serves", "refused"]


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    kind: Kind
    text: str
    short: str = ""
    """What fits beside a mark."""


@dataclass
class Month:
    """What happened in one month."""

    number: int
    served: int
    """Version that answered."""

    rows: int = 0
    loss: float = 0.0
    """Log loss of what was answered."""

    frozen: float = 0.0
    """Log loss of the first model, never trained again, on the same rows."""

    drifted: list[str] = field(default_factory=list)
    """Columns whose drift is an alarm, the farthest first."""

    events: list[Event] = field(default_factory=list)
    failed: int = 0
    """Requests that were not answered."""

    @property
    def words(self) -> str:
        """All that happened, in one line."""
        return "; ".join(event.text for event in self.events)
