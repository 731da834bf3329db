"""How far a prediction is: a line that moves in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Protocol, TextIO

__all__ = ["Watch", "watcher"]

_QUIET_SECONDS = 5.0
_MOVING_SECONDS = 0.2


class Watch(Protocol):
    """Shows progress."""

    def tell(self, rows: int, seconds: float) -> None:
        """Say how many rows are done after so many seconds."""

    def close(self) -> None:
        """Leave the stream ready for other lines."""


class _Silent:
    def tell(self, rows: int, seconds: float) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class _Shown:
    """Writes at most one line, or moves the line, every so often."""

    def __init__(self, out: TextIO, *, moving: bool) -> None:
        self._out = out
        self._moving = moving
        self._pause = _MOVING_SECONDS if moving else _QUIET_SECONDS
        self._last = time.monotonic()
        self._open = False

    def tell(self, rows: int, seconds: float) -> None:
        """Say rows and pace."""
        if time.monotonic() - self._last < self._pause:
            return
        self._last = time.monotonic()
        text = f"{rows:,} rows, {rows / max(seconds, 1e-9):,.0f} rows/s"
        self._out.write(f"\r{text}\033[K" if self._moving else f"{text}\n")
        self._out.flush()
        self._open = self._moving

    def close(self) -> None:
        """End a line that moves."""
        if self._open:
            self._out.write("\r\033[K")
            self._out.flush()


def watcher(out: TextIO, *, quiet: bool) -> Watch:
    """Choose how to show progress on a stream."""
    return _Silent() if quiet else _Shown(out, moving=out.isatty())
