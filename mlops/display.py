"""A run as it is watched: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from mlops.text import duration
from mlops.tracking import StepResult, Watcher

__all__ = ["Lines", "Live", "Silent", "watcher_for"]

_QUIET_SECONDS = 5.0
"""Plain progress lines come no more often than this."""


class Silent:
    """Watches without a word."""

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        """Say nothing."""

    def step_waits(self, stage: str) -> None:
        """Say nothing."""

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Say nothing."""

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        """Say nothing."""

    def step_finished(self, result: StepResult) -> None:
        """Say nothing."""


class Lines(Silent):
    """One plain line for what begins and what ends, and now and then for progress."""

    def __init__(self, out: TextIO, mask: Callable[[str], str]) -> None:
        self._out = out
        self._mask = mask
        self._last = 0.0

    def say(self, text: str) -> None:
        """Write one line."""
        self._out.write(self._mask(text) + "\n")
        self._out.flush()

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        """Name the stage and its first reason."""
        self._last = time.monotonic()
        self.say(f"{stage}: running ({reasons[0]})" if reasons else f"{stage}: running")

    def step_waits(self, stage: str) -> None:
        """Say what is waited for."""
        self.say(f"{stage}: another run is computing this; waiting for it")

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Say how far a long stage is, at most every few seconds."""
        if time.monotonic() - self._last >= _QUIET_SECONDS:
            self._last = time.monotonic()
            self.say(f"{stage}: {_share(done, total)} {note}".rstrip())

    def step_finished(self, result: StepResult) -> None:
        """Say what came of it."""
        self.say(f"{result.stage}: {described(result)}")


class Live(Lines):
    """A line at the bottom of the terminal that moves; finished stages scroll above it."""

    def __init__(self, out: TextIO, mask: Callable[[str], str]) -> None:
        super().__init__(out, mask)
        self._status: Any = None
        self._at_work: dict[str, str] = {}
        """Stage → what it is doing; several when stages run side by side."""

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        """Show the stage at work."""
        self._at_work[stage] = f"running ({self._mask(reasons[0])})" if reasons else "running"
        self._show()

    def step_waits(self, stage: str) -> None:
        """Say what is waited for."""
        self._drop(stage)
        super().step_waits(stage)
        self._show()

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Move the line."""
        if stage in self._at_work:
            self._at_work[stage] = f"{_share(done, total)} {self._mask(note)}".rstrip()
            self._show()

    def step_finished(self, result: StepResult) -> None:
        """Leave a plain line behind."""
        self._drop(result.stage)
        super().step_finished(result)
        self._show()

    def _show(self) -> None:
        """Draw the line for whoever is at work."""
        if not self._at_work:
            return
        text = "  ".join(f"{stage}: {doing}" for stage, doing in self._at_work.items()).replace("[", "\\[")
        if self._status is not None:
            self._status.update(text)
            return
        from rich.console import Console

        self._status = Console(file=self._out, highlight=False).status(text)
        self._status.start()

    def _drop(self, stage: str) -> None:
        """Take a stage off the line, and the line away so that plain lines can be written."""
        self._at_work.pop(stage, None)
        if self._status is not None:
            self._status.stop()
            self._status = None


def _share(done: float, total: float) -> str:
    """Say how far: what is counted as ``3 of 9``, what is measured as a percentage."""
    if total and not float(done).is_integer():
        return f"{100 * done / total:.0f} %"
    return f"{_number(done)} of {_number(total)}" if total else _number(done)


def _number(value: float) -> str:
    """Write a number with at most one decimal."""
    return f"{value:,.1f}".removesuffix(".0")


def described(result: StepResult) -> str:
    """Say in one line what came of a step."""
    if result.action not in ("run", "reuse"):
        return result.action
    made = "; ".join(text for text in result.summaries.values() if text)
    how = f"done in {duration(result.seconds)}" if result.action == "run" else f"reused from {result.made_by}"
    return f"{how}: {made}" if made else how


def watcher_for(out: TextIO, mask: Callable[[str], str], *, quiet: bool = False) -> Watcher:
    """Choose how to show a run on a stream."""
    if quiet:
        return Silent()
    return Live(out, mask) if out.isatty() and sys.platform != "win32" else Lines(out, mask)
