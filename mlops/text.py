"""Plain text for people: aligned tables, durations, sizes."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["duration", "size", "table"]

_KIB = 1024.0


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns two spaces apart; the last column is left as long as it is."""
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    last = len(headers) - 1
    return "\n".join(
        "  ".join(cell if column == last else cell.ljust(widths[column]) for column, cell in enumerate(line)).rstrip()
        for line in lines
    )


def duration(seconds: float | None) -> str:
    """Write seconds as a person would: 12 ms, 3.4 s, 2 min 5 s."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"  # noqa: PLR2004


def size(count: float) -> str:
    """Write bytes as B, KiB, MiB, GiB."""
    for unit in ("B", "KiB", "MiB"):
        if count < _KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _KIB
    return f"{count:.1f} GiB"
