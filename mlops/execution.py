"""One run from its overrides to its record: compose, plan, show the plan, carry it out, write down what happened."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import yaml

from mlops.display import watcher_for
from mlops.durable import write_hint
from mlops.environment import Capture, begin
from mlops.errors import ProjectError
from mlops.executors.executor import Executor
from mlops.masking import Mask
from mlops.plan import Plan, Selection, Step
from mlops.plan.view import render
from mlops.recipe import Recipe
from mlops.record import RunFacts, RunRecord, load_run
from mlops.runner import Bench, Report, execute
from mlops.text import duration
from mlops.tracking import Followers, StepResult, Watcher
from mlops.workspace import Workspace

__all__ = ["Finished", "execute_recipe"]

_EXIT = {"done": 0, "failed": 1, "interrupted": 130}


@dataclass(frozen=True)
class Finished:
    """What a run leaves to its caller."""

    run: str
    report: Report

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed, 130 interrupted."""
        return _EXIT[self.report.status]

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        steps = [
            {"stage": step.stage, "action": step.action, "seconds": round(step.seconds, 6)}
            for step in self.report.steps
        ]
        return {"run": self.run, "status": self.report.status, "steps": steps, "metrics": self.report.metrics}


class _Recorder:
    """Writes what happens into the run's record."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        self._record.event("stage-started", stage=stage, reasons=list(reasons))

    def step_waits(self, stage: str) -> None:
        self._record.event("stage-waits", stage=stage)

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Leave progress out: it is for watching."""

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        self._record.event("metric", stage=stage, name=name, value=value, step=step)

    def step_finished(self, result: StepResult) -> None:
        self._record.event("stage-finished", **result.to_json())


class _LogFile(logging.Handler):
    """Sends what stages log into the run's log.txt, and warnings to standard error too."""

    def __init__(self, record: RunRecord, mask: Callable[[str], str]) -> None:
        super().__init__()
        self._record = record
        self._mask = mask

    def emit(self, record: logging.LogRecord) -> None:
        stage = record.name.removeprefix("mlops.stage.")
        text = f"{record.levelname.lower()} {stage}: {record.getMessage()}"
        self._record.log(text)
        if record.levelno >= logging.WARNING:
            sys.stderr.write(self._mask(text) + "\n")


def execute_recipe(
    work: Workspace, overrides: Sequence[str], selection: Selection, *, as_json: bool = False
) -> Finished:
    """Run a recipe.

    Raises:
        RecipeError: it has mistakes; nothing was run.
        ProjectError: the selection does not fit.
    """
    capture = begin(work.project.root)
    try:
        recipe = work.recipe(overrides)
        with work.store.using():
            plan = work.plan(recipe, selection)
            return _carried_out(work, plan, capture, out=sys.stderr if as_json else sys.stdout)
    except BaseException:
        capture.abandon()
        raise


def _carried_out(work: Workspace, plan: Plan, capture: Capture, *, out: TextIO) -> Finished:
    recipe = plan.recipe
    mask = Mask(recipe.secrets)
    for warning in plan.warnings:
        sys.stderr.write(f"warning: {mask(warning)}\n")
    out.write(f"recipe {recipe.name}\n{render(plan)}\n\n")
    facts = RunFacts(recipe.name, _document(recipe), recipe.overrides, recipe.head.seed)
    with RunRecord.open(work.project.state / "runs", facts, mask=mask) as record:
        record.note(environment=capture.finish())
        record.event("planned", steps=[_planned(step) for step in plan.steps])
        work.store.sweep()
        report = _watched(work, plan, record, show=watcher_for(out, mask))
        record.finish(report.status, metrics=report.metrics, error=report.error)
    page = _page(work, record.id, report)
    _ending(plan, report, record.folder, page=page, out=out)
    return Finished(record.id, report)


def _document(recipe: Recipe) -> str:
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(dict(recipe.values), Dumper=dumper, sort_keys=False, allow_unicode=True))


def _planned(step: Step) -> dict[str, Any]:
    """Write a step down with the artifacts it will reuse, so that they are known to be needed."""
    refs = step.entry.outputs if step.entry else ()
    return {**step.to_json(), "outputs": {ref.name: {"format": ref.format, "digest": ref.digest} for ref in refs}}


def _watched(work: Workspace, plan: Plan, record: RunRecord, *, show: Watcher) -> Report:
    log = logging.getLogger("mlops.stage")
    handler = _LogFile(record, Mask(plan.recipe.secrets))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    bench = Bench(
        work.project,
        plan.recipe,
        work.store,
        record.id,
        _executors(work, plan.recipe),
        Followers((_Recorder(record), show)),
    )
    try:
        return execute(plan, bench)
    finally:
        log.removeHandler(handler)


def _executors(work: Workspace, recipe: Recipe) -> dict[str | None, Executor]:
    """Make the recipe's executor, and those that single stages ask for by name."""
    own = recipe.executor
    if not isinstance(own, Executor):
        raise ProjectError(f"{type(own).__name__} is not an executor", fix="write executor=local")
    named = {section.options.executor for section in recipe.sections if section.options.executor}
    return {None: own, **{name: _executor(work, name) for name in named}}


def _executor(work: Workspace, name: str) -> Executor:
    file = work.catalog.load(f"executor/{name}")
    body = file.root.data() if file else {}
    made = work.plugins.resolve(body.pop("_target_", None), Executor).model_validate(body)
    assert isinstance(made, Executor)  # noqa: S101 - resolved as one
    return made


def _fragments(work: Workspace, report: Report) -> list[tuple[str, str]]:
    """Collect the pages that artifacts hold, for the run's own page."""
    found: list[tuple[str, str]] = []
    for step in report.steps:
        for ref in step.outputs:
            path = work.store.path(ref.digest) / "fragment.html"
            if path.is_file():
                found.append((step.stage, path.read_text(encoding="utf-8")))
    return found


def _page(work: Workspace, run: str, report: Report) -> Path | None:
    """Write the run's page; a disk that is full is no reason to call a finished run failed."""
    from mlops.run_report import render as render_page

    found = load_run(work.project.state / "runs", run)
    path = found.folder / "report.html"
    text = render_page(found.as_json(), _fragments(work, report))
    return path if write_hint(path, text.encode()) else None


def _ending(plan: Plan, report: Report, folder: Path, *, page: Path | None, out: TextIO) -> None:
    """Say what was made and where to look, or what went wrong and how to go on."""
    mask = Mask(plan.recipe.secrets)
    if report.status != "done":
        out.flush()
        sys.stderr.write(f"\nerror: stage {report.failed} {report.status}: {report.error}\n")
        words = " ".join(shlex.quote(word) for word in plan.recipe.overrides)
        sys.stderr.write(
            f"  log: {folder / 'log.txt'}\n  finished stages are kept; to go on: mlops run {mask(words)}\n"
        )
        return
    ran = [step for step in report.steps if step.action == "run"]
    total = duration(sum(step.seconds for step in ran))
    out.write(f"\ndone: {len(ran)} run in {total}, {len(report.steps) - len(ran)} reused\n")
    if page is not None:
        out.write(f"report   {page}\n")
    out.write(f"details  mlops runs show {folder.name}\n")
    out.flush()
