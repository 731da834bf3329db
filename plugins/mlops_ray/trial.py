"""A process of Ray that makes one trial after another."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune import Trainable

from mlops.services.halving import is_rung
from mlops.services.searcher import Objective, Stopped, Trial

__all__ = ["Order", "TrialActor"]

_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PATIENCE = 30.0
"""Seconds within which a trial that is to end must have ended, or its process is given up."""


@dataclass(frozen=True)
class Order:
    """What a process is to do with the values it is given."""

    objective: Objective
    cpus: int
    deadline: float | None
    grace: int
    reduction: int


class _Attempt:
    """One trial in a thread of its own; it waits after each report until it is told to go on."""

    def __init__(self, order: Order, config: Mapping[str, Any]) -> None:
        self._order = order
        self._number, self._values = config["number"], config["values"]
        self._said: queue.Queue[Any] = queue.Queue()
        self._go: queue.Queue[bool] = queue.Queue()
        self._waits = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def next(self) -> Any:
        """Let the trial go on to its next report, or to its end."""
        if self._waits:
            self._go.put(True)
        said = self._said.get()
        self._waits = isinstance(said, tuple)
        return said

    def stop(self) -> bool:
        """End the trial; say whether it did."""
        self._go.put(False)
        self._thread.join(_PATIENCE)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            made = self._order.objective(self._number, self._values, self._report, deadline=self._order.deadline)
            self._said.put(made)
        except BaseException as exc:  # noqa: BLE001 - everything is said to whoever waits
            self._said.put(exc)

    def _report(self, step: int, value: float) -> None:
        """Ask where trials are compared; a way to Tune and back takes milliseconds."""
        if not (self._order.grace and is_rung(step, grace=self._order.grace, reduction=self._order.reduction)):
            return
        self._said.put((step, value))
        if not self._go.get():
            raise Stopped("pruned", "behind the others")


class TrialActor(Trainable):  # type: ignore[misc] # the library is untyped
    """Reports each step of a trial to Tune, and its end; it is used again for the next trial."""

    def setup(self, config: dict[str, Any], order: Order) -> None:
        """Begin the first trial."""
        os.environ.update(dict.fromkeys(_THREADS, str(order.cpus)))
        self._order = order
        self._attempt = _Attempt(order, config)

    def step(self) -> dict[str, Any]:
        """Wait for the next report or the end."""
        said = self._attempt.next()
        if isinstance(said, Trial):
            loss = {} if said.score is None else {"loss": said.score}
            return {**loss, "done": True, "trial": said.to_json()}
        if isinstance(said, Stopped):
            return {"done": True}
        if isinstance(said, BaseException):
            raise said
        step, value = said
        return {"loss": value, "step": step}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin the next trial, once the one before has ended."""
        if not self._attempt.stop():
            return False
        self._attempt = _Attempt(self._order, new_config)
        return True

    def cleanup(self) -> None:
        """End the trial that is under way."""
        self._attempt.stop()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Keep nothing: what a trial made lies in the store."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Take nothing."""
