"""Carry out a plan, unchanged: steps one after another or side by side, nothing new after the first that fails."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mlops.masking import Mask
from mlops.outcome import Report
from mlops.plan.model import Plan
from mlops.runner.attempt import Bench, perform
from mlops.runner.side_by_side import carry_out
from mlops.runner.tally import Tally
from mlops.runner.wording import explained

__all__ = ["ended_by_signal", "execute"]


def execute(plan: Plan, bench: Bench) -> Report:
    """Carry out a plan. Never raises for what a stage does: the report says it."""
    tally = Tally(plan, bench.watch)
    try:
        with ended_by_signal():
            if _one_at_a_time(plan, bench):
                _one_by_one(plan, bench, tally)
            else:
                carry_out(plan, bench, tally)
    finally:
        for executor in bench.executors.values():
            executor.close()
    report = tally.report()
    report.error = Mask(plan.recipe.secrets)(report.error)
    return report


def _one_at_a_time(plan: Plan, bench: Bench) -> bool:
    return all(bench.executors[step.section.options.executor].slots() == 1 for step in plan.steps)


def _one_by_one(plan: Plan, bench: Bench, tally: Tally) -> None:
    for step in plan.steps:
        try:
            tally.done(perform(bench, step))
        except KeyboardInterrupt:
            tally.interrupted(step)
            return
        except Exception as exc:  # noqa: BLE001 - a stage may raise anything; the report carries it
            tally.failed(step, explained(exc, step.name, folder=bench.store.root))
            return


@contextmanager
def ended_by_signal() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that a stopped run is recorded as interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
