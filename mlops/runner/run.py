"""Carry out a plan, unchanged: one step after another, stopping at the first that fails."""

from __future__ import annotations

import logging
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from mlops.durable import disk_trouble
from mlops.errors import MlopsError, StageError, StoreError
from mlops.masking import Mask
from mlops.outcome import Report, Status
from mlops.plan.model import Plan
from mlops.runner.attempt import Bench, perform
from mlops.tracking import Action, StepResult

__all__ = ["execute"]


def execute(plan: Plan, bench: Bench) -> Report:
    """Carry out a plan. Never raises for what a stage does: the report says it."""
    report = Report()
    with _ended_by_signal():
        for position, step in enumerate(plan.steps):
            try:
                result = perform(bench, step)
            except KeyboardInterrupt:
                _stop(report, bench, plan, position=position, status="interrupted", error="the run was interrupted")
                break
            except Exception as exc:  # noqa: BLE001 - a stage may raise anything; the report carries it
                logging.getLogger(f"mlops.stage.{step.name}").debug("%s", traceback.format_exc())
                error = _explained(exc, step.name, folder=bench.store.root)
                _stop(report, bench, plan, position=position, status="failed", error=error)
                break
            report.steps.append(result)
            bench.watch.step_finished(result)
    report.error = Mask(plan.recipe.secrets)(report.error)
    return report


def _explained(exc: Exception, stage: str, *, folder: Path) -> str:
    if isinstance(exc, StageError | StoreError) or (isinstance(exc, MlopsError) and exc.fix):
        return str(exc)
    trouble = disk_trouble(exc, folder, doing=f"write what {stage} makes")
    if trouble is not None:
        return str(trouble)
    where = _last_place(exc)
    fix = f"this is an error in the stage {stage!r} itself; the log holds its traceback"
    return f"{type(exc).__name__}: {exc}\n  where: {where}\n  fix: {fix}"


def _last_place(exc: Exception) -> str:
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"


def _stop(report: Report, bench: Bench, plan: Plan, *, position: int, status: Status, error: str) -> None:
    report.status = status
    report.error = error
    report.failed = plan.steps[position].name
    for index, step in enumerate(plan.steps[position:]):
        result = StepResult(step.name, _action(status) if index == 0 else "skipped", step.reasons)
        report.steps.append(result)
        bench.watch.step_finished(result)


def _action(status: Status) -> Action:
    return "interrupted" if status == "interrupted" else "failed"


@contextmanager
def _ended_by_signal() -> Iterator[None]:
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
