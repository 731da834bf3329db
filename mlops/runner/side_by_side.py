"""Carry out a plan with several steps at once: each begins when what it needs is made and its executor has room.

One thread a step that runs; the thread waits for the executor, which does the work elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

from mlops.plan.model import Plan, Step
from mlops.runner.attempt import Bench, perform
from mlops.runner.tally import Tally
from mlops.runner.wording import explained
from mlops.services.executor import Executor
from mlops.stage import Resources, Stage
from mlops.tracking import StepResult, Watcher

__all__ = ["carry_out"]

_PATIENCE = 10.0
"""Seconds to wait, when a run is interrupted, for a step to end; executors end theirs in less."""


class _Turns:
    """Lets the threads of steps speak to a watcher one at a time."""

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch
        self._turn = threading.RLock()

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        with self._turn:
            self._watch.step_started(stage, reasons)

    def step_waits(self, stage: str) -> None:
        with self._turn:
            self._watch.step_waits(stage)

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        with self._turn:
            self._watch.progress(stage, done, total, note)

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        with self._turn:
            self._watch.metric(stage, name, value, step)

    def step_finished(self, result: StepResult) -> None:
        with self._turn:
            self._watch.step_finished(result)


@dataclass(frozen=True)
class _End:
    """A step that is no longer running."""

    step: Step
    result: StepResult | None = None
    error: Exception | None = None


@dataclass
class _Crew:
    """The steps of one plan at work."""

    plan: Plan
    bench: Bench
    tally: Tally
    ends: SimpleQueue[_End] = field(default_factory=SimpleQueue)
    running: dict[str, Step] = field(default_factory=dict)
    waiting: list[Step] = field(default_factory=list)

    def executor(self, step: Step) -> Executor:
        return self.bench.executors[step.section.options.executor]

    def begin_what_can(self) -> None:
        """Begin steps in reading order as far as there is room; none overtakes one that waits only for room."""
        full: set[int] = set()
        for step in list(self.waiting):
            executor = self.executor(step)
            if not self.is_ready(step) or id(executor) in full:
                continue
            if not self.has_room(step):
                full.add(id(executor))
                continue
            self.waiting.remove(step)
            self.running[step.name] = step
            threading.Thread(target=self.carry, args=(step,), name=f"step-{step.name}", daemon=True).start()

    def is_ready(self, step: Step) -> bool:
        """Tell whether what a step needs is made; one with an effect outside its outputs waits for all above it."""
        done = self.tally.results.keys()
        needs = {link.stage for link in step.links}
        if type(step.section.stage).stands is not Stage.stands:
            names = [other.name for other in self.plan.steps]
            needs |= set(names[: names.index(step.name)])
        return needs <= done

    def has_room(self, step: Step) -> bool:
        executor = self.executor(step)
        beside = [other for other in self.running.values() if self.executor(other) is executor]
        return not beside or executor.fits(_wanted(step), [_wanted(other) for other in beside])

    def carry(self, step: Step) -> None:
        """Carry out one step, in its own thread."""
        try:
            self.ends.put(_End(step, result=perform(self.bench, step)))
        except Exception as exc:  # noqa: BLE001 - a stage may raise anything; the report carries it
            self.ends.put(_End(step, error=exc))
        except BaseException as exc:  # noqa: BLE001 - such as SystemExit; a thread has nobody to pass it on to
            self.ends.put(_End(step, error=RuntimeError(f"{type(exc).__name__}: {exc}")))

    def take_one(self, timeout: float | None = None) -> None:
        """Wait for a step to end and note what came of it.

        Raises:
            Empty: none has ended in as many seconds.
        """
        end = self.ends.get(timeout=timeout)
        del self.running[end.step.name]
        if end.result is not None:
            self.tally.done(end.result)
        elif self.bench.cancellation.asked:
            self.tally.interrupted(end.step)
        elif end.error is not None:
            self.tally.failed(end.step, explained(end.error, end.step.name, folder=self.bench.store.root))

    def work(self) -> None:
        """Begin and wait until everything is done, or something failed and the others have ended."""
        while True:
            if self.tally.going_well:
                self.begin_what_can()
            if not self.running:
                return
            self.take_one()


def carry_out(plan: Plan, bench: Bench, tally: Tally) -> None:
    """Carry out a plan, several steps at once. After a failure those that run go on to their end; none begins.

    Args:
        plan: the plan; links lead from later steps to earlier ones.
        bench: what the steps share.
        tally: takes what comes of each.
    """
    watch = _Turns(bench.watch)
    tally.watch = watch
    crew = _Crew(plan, replace(bench, watch=watch, alone=False), tally, waiting=list(plan.steps))
    try:
        crew.work()
    except KeyboardInterrupt:
        tally.stopped = True
        bench.cancellation.ask()
        with suppress(KeyboardInterrupt, Empty):  # a second one ends the wait
            while crew.running:
                crew.take_one(_PATIENCE)
        for step in crew.running.values():
            tally.interrupted(step)


def _wanted(step: Step) -> Resources:
    return step.section.options.resources
