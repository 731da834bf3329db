"""Carry out a plan, unchanged: steps one after another or side by side, nothing new after the first that fails."""

from __future__ import annotations

from mlops.masking import Mask
from mlops.outcome import Report
from mlops.plan.model import Plan
from mlops.runner.attempt import Bench, perform
from mlops.runner.side_by_side import carry_out
from mlops.runner.tally import Tally
from mlops.runner.wording import explained
from mlops.services.interruption import ended_by_signal

__all__ = ["execute"]


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
