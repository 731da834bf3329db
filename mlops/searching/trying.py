"""One trial: the recipe with values in it, from the shared stages to the metric, as a run of its own."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import FrameType
from typing import Any

from mlops.display import Silent
from mlops.errors import MlopsError, StageError
from mlops.executors.local import Local
from mlops.masking import Mask
from mlops.origin import dotted
from mlops.outcome import Recorder
from mlops.outcome import Report as RunReport
from mlops.plan.ingredients import Measurer
from mlops.plan.model import Plan, Step
from mlops.plan.wiring import wire
from mlops.project import Project
from mlops.recipe import Recipe
from mlops.record import RunFacts, RunRecord
from mlops.runner import Bench, execute
from mlops.services.searcher import Report, Stopped, Trial
from mlops.tracking import Followers, StepResult
from mlops.workspace import Workspace

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """Tries values. Can be pickled; a process that calls it many times reads the config files once."""

    project: Project
    overrides: tuple[str, ...]
    tried: tuple[str, ...]
    """The stages that a trial runs."""

    shared: tuple[StepResult, ...]
    """What the stages above made, once for all."""

    until: str
    metric: str | None
    maximize: bool
    watch: str
    parent: str
    """ID of the search's run."""

    cpus: int = 1

    def __call__(
        self, number: int, values: Mapping[str, Any], report: Report, *, deadline: float | None = None
    ) -> Trial:
        """Carry out one trial. See `mlops.services.searcher.Objective`."""
        began = time.perf_counter()
        try:
            recipe = _opened(self.project, self.overrides, self.parent).recipe(values)
        except MlopsError as exc:
            return Trial(number, dict(values), "failed", error=str(exc))
        attempt = _Attempt(self, recipe, _Heard(self, report, deadline=deadline))
        with _alarm(deadline):
            made = attempt.run(number, values)
        return _timed(made, time.perf_counter() - began)

    def score(self, measured: float) -> float:
        """Make small what is good."""
        return -measured if self.maximize else measured


def _timed(trial: Trial, seconds: float) -> Trial:
    return Trial(**{**vars(trial), "seconds": round(seconds, 4)})


@dataclass(frozen=True)
class _Opened:
    """A project opened for all trials of one search that this process makes."""

    work: Workspace
    recipe: Callable[[Mapping[str, Any]], Recipe]


@lru_cache(maxsize=1)
def _opened(project: Project, overrides: tuple[str, ...], search: str) -> _Opened:
    """Open a project, once for a search."""
    del search
    work = Workspace(project)
    return _Opened(work, work.recipes(overrides))


@dataclass
class _Heard(Silent):
    """Hears what a stage measures on its way, passes on what the searcher watches, and minds the time."""

    objective: Objective
    report: Report
    deadline: float | None = None
    reports: dict[int, float] = field(default_factory=dict)

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        """Pass on the watched metric."""
        self._mind_time()
        wanted = stage == self.objective.until and name == self.objective.watch
        if wanted and step is not None and step not in self.reports and math.isfinite(value):
            self.reports[step] = value
            self.report(step, value)

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Mind the time."""
        del stage, done, total, note
        self._mind_time()

    def _mind_time(self) -> None:
        if self.deadline is not None and time.time() > self.deadline:
            raise Stopped("budget")


@dataclass(frozen=True)
class _Attempt:
    objective: Objective
    recipe: Recipe
    heard: _Heard

    def run(self, number: int, values: Mapping[str, Any]) -> Trial:
        """Run the trial's stages inside a record."""
        objective, mask = self.objective, Mask(self.recipe.secrets)
        words = (*objective.overrides, *(f"{key}={_written(value)}" for key, value in values.items()))
        facts = RunFacts(
            self.recipe.name, self.recipe.document, words, seed=self.recipe.head.seed, parent=objective.parent
        )
        with RunRecord.open(objective.project.state / "runs", facts, mask=mask) as record:
            record.note(trial={"number": number, "values": dict(values)})
            try:
                report = self._executed(record)
            except Stopped as exc:
                record.finish("interrupted", error=exc.words or exc.reason)
                if exc.reason == "budget":
                    raise
                return self._made(number, values, record, status="pruned", error=exc.words)
            record.finish(report.status, metrics=report.metrics, error=report.error)
            if report.status == "interrupted":
                raise KeyboardInterrupt
            return self._judged(number, values, record, report)

    def _made(self, number: int, values: Mapping[str, Any], record: RunRecord, **facts: Any) -> Trial:
        return Trial(number, dict(values), reports=dict(self.heard.reports), run=record.id, **facts)

    def _judged(self, number: int, values: Mapping[str, Any], record: RunRecord, report: RunReport) -> Trial:
        if report.status != "done":
            return self._made(number, values, record, status="failed", error=report.error)
        try:
            measured = _measured(self.objective, report.metrics)
        except StageError as exc:
            return self._made(number, values, record, status="failed", error=str(exc))
        score = self.objective.score(measured)
        return self._made(number, values, record, status="done", score=score, measured=measured)

    def _executed(self, record: RunRecord) -> RunReport:
        objective = self.objective
        work = _opened(objective.project, objective.overrides, objective.parent).work
        local = Local(cpus=objective.cpus)
        names = {None, *(section.options.executor for section in self.recipe.sections)}
        watch = Followers((Recorder(record.event), self.heard))
        bench = Bench(objective.project, self.recipe, work.store, record.id, dict.fromkeys(names, local), watch)
        bench.remembers = False
        for result in objective.shared:
            bench.made |= {(result.stage, ref.name): ref for ref in result.outputs}
            bench.lineage[result.stage] = _lineage(result)
        return execute(self._plan(), bench)

    def _plan(self) -> Plan:
        """Plan the trial's stages alone: the runner reuses what their keys made before."""
        links = wire(self.recipe).links
        measurer = Measurer(self.objective.project, self.recipe)
        steps = [
            Step(section, links[section.name], "run", ("a trial of the search",), measurer.measure(section))
            for section in self.recipe.sections
            if section.name in self.objective.tried
        ]
        return Plan(self.recipe, tuple(steps))


def _lineage(result: StepResult) -> dict[str, Any]:
    known = {name: result.ingredients[name] for name in ("target", "parameters", "libraries", "sources", "inputs")}
    return {**known, "key": result.key, "inputs_from": dict(result.inputs)}


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _measured(objective: Objective, metrics: Mapping[str, float]) -> float:
    """Find the metric among those of the run.

    Raises:
        StageError: there is none, or it is not a number.
    """
    name = objective.metric or next(
        (key for key in metrics if key.startswith(f"{objective.until}.validation") and key != _watched(objective)),
        dotted((objective.until, "validation_…")),
    )
    if name not in metrics:
        known = ", ".join(sorted(metrics)) or "nothing"
        raise StageError(f"no stage measured {name}; measured were {known}", fix="name one of them: tune.metric")
    if not math.isfinite(metrics[name]):
        raise StageError(f"{name} is {metrics[name]}, which cannot be compared")
    return metrics[name]


def _watched(objective: Objective) -> str:
    return f"{objective.until}.{objective.watch}"


@contextmanager
def _alarm(deadline: float | None) -> Iterator[None]:
    """End the block at the deadline, also while a stage tells nothing; only the main thread can be woken so."""
    if deadline is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _wake)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.time()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _wake(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Stopped("budget")
