"""What is remembered of a month of the loop."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Month:
    """What happened in one month."""

    number: int
    served: int = 0
    """Version that answered most at the month's end."""

    loss: float = 0.0
    """Log loss of what was answered."""

    frozen: float = 0.0
    """Log loss of the first model, never trained again, on the same rows."""

    alarms: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    failed: int = 0
    """Requests that were not answered."""
