"""Being asked to end: the fit comes to a point where it can be resumed, and ends there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Interrupted", "StopRequest", "stop_requests"]

_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""The last only where someone has given it a meaning: the process that launched a rank asks so."""


class Interrupted(Exception):
    """Ends the Trainer's loop; never seen outside of a fit."""


class StopRequest:
    """Whether a signal asked the fit to end."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.number)

    def watch(self) -> None:
        """Take over the signals, also from what was set since; outside of the main thread nothing can be watched."""
        if threading.current_thread() is not threading.main_thread() or self.number:
            return
        for number in _WATCHED:
            handler = signal.getsignal(number)
            if handler == signal.SIG_IGN or (number == signal.SIGUSR1 and not callable(handler)):
                continue
            self._before.setdefault(number, handler)
            signal.signal(number, self._note)

    def release(self) -> None:
        """Let the signals do what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; whoever asks twice is not made to wait."""
        del frame
        self.number = number
        self.release()


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Note the first signal that asks to end.

    When the block ends with `Interrupted`, the signal is raised again, so that it does what it
    would have done without the fit.
    """
    request = StopRequest()
    request.watch()
    try:
        yield request
    except Interrupted:
        request.release()
        if request:
            signal.raise_signal(request.number)
        # Another of the processes that train together was asked, or the signal did nothing.
        raise KeyboardInterrupt from None
    finally:
        request.release()
