"""Live progress of a fit, told a few times a second."""

from __future__ import annotations

import time

from mlops_lightning.run import Run
from mlops_lightning.state import State

__all__ = ["Progress"]

_EVERY = 0.2
"""Seconds between two reports."""

_UNITS = ((1e6, "M"), (1e3, "k"))


class Progress:
    """Tells how many steps are done, in which epoch, the loss, the speed and the learning rate."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._told = time.monotonic()
        self._rows = 0

    def show(self, state: State) -> None:
        """Tell where the fit is, if it was not told just now."""
        now = time.monotonic()
        passed = now - self._told
        if passed < _EVERY:
            return
        speed = (state.rows - self._rows) / passed
        self._told, self._rows = now, state.rows
        epochs, steps = self._run.options.epochs, self._run.steps.count
        loss = state.loss_sum / max(1, state.loss_rows)
        where = f"steps, epoch {min(state.epoch + 1, epochs)} of {epochs}, {100 * state.step / steps:.0f} %"
        note = f"{where}, loss {loss:.4g}{_validation(state)}, {_short(speed)} rows/s, lr {self._run.lr():.2g}"
        self._run.report.progress(state.epoch * steps + state.step, epochs * steps, note)


def _validation(state: State) -> str:
    curve = state.curves.validation_loss
    return f", validation {curve[-1]:.4g}" if curve else ""


def _short(value: float) -> str:
    return next((f"{value / size:.3g} {unit}" for size, unit in _UNITS if value >= size), f"{value:.0f}")
