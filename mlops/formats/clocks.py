"""Parts of an SQL expression whose answer changes from one moment to the next."""

from __future__ import annotations

import re

__all__ = ["clock_in"]

_CLOCKS = re.compile(r"\b(now|today|random|rand|uuid)\s*\(|\b(current_|local)(date|time|timestamp)\b", re.IGNORECASE)
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|`[^`]*`""")


def clock_in(sql: str) -> str:
    """Find the first call that asks the clock or chance; empty when there is none. Quoted text and names are none."""
    found = _CLOCKS.search(_QUOTED.sub("''", sql))
    return found.group() if found else ""
