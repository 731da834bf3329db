"""A look as a table for people."""

from __future__ import annotations

from mlops.services.monitor import Watched, Window
from mlops.text import table

__all__ = ["described"]


def described(found: Watched) -> str:
    """Draw one line a window."""
    if not found.windows:
        return f"{found.subject} was asked nothing yet; mlops status {found.subject} tells where to ask"
    drawn = table(
        ("window", "rows", "labels", "version", "performance", "alarms"), [_line(window) for window in found.windows]
    )
    return f"{drawn}\n\nreport   {found.report}"


def _line(window: Window) -> tuple[str, ...]:
    alarms = ", ".join(dict.fromkeys(f"{item.what} ({item.kind})" for item in window.alarms))
    best = window.performance[0] if window.performance else None
    measured = f"{best.metric} {best.value:.4g}" if best else "–"
    versions = ", ".join(map(str, window.versions))
    about = (window.start[:16], f"{window.rows:,}", f"{window.labels:,}", versions, measured)
    return (*about, alarms or window.note or "none")
