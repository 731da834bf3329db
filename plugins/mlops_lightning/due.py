"""When the next checkpoint is due."""

from __future__ import annotations

import time

from mlops_lightning.options import CheckpointRule
from mlops_lightning.state import State

__all__ = ["Due"]


class Due:
    """Counts steps, minutes and epochs since the last checkpoint."""

    def __init__(self, rule: CheckpointRule) -> None:
        self._rule = rule
        self._steps = 0
        self._epoch = 0
        self._time = time.monotonic()

    def now(self, state: State, *, epoch: bool) -> bool:
        """Say whether a checkpoint is due; ``epoch``: one has just ended."""
        rule = self._rule
        if rule.every_steps and state.steps - self._steps >= rule.every_steps:
            return True
        if rule.every_minutes and time.monotonic() - self._time >= rule.every_minutes * 60:
            return True
        return bool(epoch and rule.every_epochs and state.epoch - self._epoch >= rule.every_epochs)

    def saved(self, state: State) -> None:
        """Start counting anew."""
        self._steps, self._epoch, self._time = state.steps, state.epoch, time.monotonic()
