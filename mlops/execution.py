"""One run from its overrides to its record: compose, plan, show the plan, carry it out, write down what happened."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TextIO

import yaml

from mlops.display import watcher_for
from mlops.environment import Capture, begin
from mlops.errors import MissingExtra, ProjectError
from mlops.fingerprint.libraries import NOT_INSTALLED
from mlops.masking import Mask
from mlops.outcome import Finished, Recorder, Report, add_fragment, say_ending
from mlops.plan import Plan, Selection, Step
from mlops.plan.standing import place_of, traced
from mlops.plan.view import render
from mlops.recipe import Recipe
from mlops.record import RunFacts, RunRecord
from mlops.runner import Bench, execute
from mlops.services.executor import Executor
from mlops.shortcut import Glance, glance, leave
from mlops.stage import Traces
from mlops.tracked.following import Following
from mlops.tracking import Followers, Watcher
from mlops.watching.settling import bring_home
from mlops.workspace import Workspace

__all__ = ["Finished", "execute_recipe", "executors_of", "limit_threads"]


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
    work: Workspace, overrides: Sequence[str], selection: Selection, *, as_json: bool = False, parent: str = ""
) -> Finished:
    """Run a recipe.

    Args:
        work: the project.
        overrides: recipe=NAME and changes to it.
        selection: which stages.
        as_json: leave standard output to the caller.
        parent: the sweep or search that the run is a part of.

    Raises:
        RecipeError: it has mistakes; nothing was run.
        ProjectError: the selection does not fit.
    """
    since = glance(work.project)
    capture = begin(work.project.root)
    try:
        recipe = work.recipe(overrides)
        out = sys.stderr if as_json else sys.stdout
        if trouble := bring_home(work, recipe):
            sys.stderr.write(f"warning: {Mask(recipe.secrets)(trouble)}\n")
        with work.store.using():
            recipe = _searched(work, recipe, selection, capture, out=out, parent=parent)
            plan = work.plan(recipe, selection)
            finished = _carried_out(work, plan, capture, out=out, parent=parent)
            if finished.exit_code == 0 and selection == Selection():
                _leave_note(work, recipe, finished.report, since=since)
            return finished
    except BaseException:
        capture.abandon()
        raise


def _searched(
    work: Workspace, recipe: Recipe, selection: Selection, capture: Capture, *, out: TextIO, parent: str
) -> Recipe:
    """Put what a search finds into a recipe that asks for one."""
    if recipe.search is None:
        return recipe
    from mlops.searching import Hunt, settle

    hunt = Hunt(work, recipe, recipe.search)
    if not hunt.concerns(selection):
        return recipe
    show = watcher_for(out, Mask(recipe.secrets))

    def carried(plan: Plan, record: RunRecord) -> Report:
        following = Following(work.project, record.folder, recipe.values.get("tracker"))
        return _watched(work, plan, record, show=Followers((show, following)))

    return settle(hunt, carried, out=out, environment=capture.finish, parent=parent)


def _carried_out(work: Workspace, plan: Plan, capture: Capture, *, out: TextIO, parent: str) -> Finished:
    recipe = plan.recipe
    _refuse_missing_libraries(plan)
    mask = Mask(recipe.secrets)
    for warning in plan.warnings:
        sys.stderr.write(f"warning: {mask(warning)}\n")
    out.write(f"recipe {recipe.name}\n{render(plan)}\n\n")
    facts = RunFacts(recipe.name, _document(recipe), recipe.overrides, recipe.head.seed, parent=parent)
    with RunRecord.open(work.project.state / "runs", facts, mask=mask) as record:
        record.note(environment=capture.finish())
        record.event("planned", steps=[_planned(step) for step in plan.steps])
        for name, text in recipe.pages.items():
            add_fragment(record.folder, name, mask(text))
        work.store.sweep()
        following = Following(work.project, record.folder, recipe.values.get("tracker"))
        report = _watched(work, plan, record, show=Followers((watcher_for(out, mask), following)))
        record.finish(report.status, metrics=report.metrics, error=report.error)
    say_ending(report, record.folder, [mask(word) for word in recipe.overrides], store=work.store, out=out)
    following.settle(out, wait=report.status != "interrupted")
    return Finished(record.id, report, recipe.trials)


def _refuse_missing_libraries(plan: Plan) -> None:
    """Name every library that the stages to run lack, before any of them runs."""
    missing: dict[str, str] = {}
    for step in plan.steps:
        for cls in (type(step.section.stage), *step.section.parts) if step.action == "run" else ():
            lacking = [name for name in cls.libraries if step.ingredients.libraries.get(name) == NOT_INSTALLED]
            missing.update(dict.fromkeys(lacking, cls.extra))
    if missing:
        extras = ",".join(sorted({extra for extra in missing.values() if extra}))
        raise MissingExtra(", ".join(missing), extra=extras)


def _traces(work: Workspace, plan: Plan) -> list[Traces] | None:
    """Collect what shows that the effects of reused stages stand; None when a glance does not tell."""
    found: list[Traces] = []
    place = place_of(work.project, plan.recipe.name)
    for step in plan.steps:
        trace = traced(step.section, step.entry, store=work.store, place=place) if step.entry else None
        if trace is None:
            return None
        found.append(trace)
    return found


def _leave_note(work: Workspace, recipe: Recipe, report: Report, *, since: Glance) -> None:
    """Leave a note for the next run of the same overrides, when that can reuse everything."""
    plan = work.plan(recipe)
    traces = _traces(work, plan)
    if plan.counts["run"] or traces is None:
        return
    classes = [cls for section in recipe.sections for cls in (type(section.stage), *section.parts)]
    results = {result.stage: result for result in report.steps}
    steps = [replace(results[step.name], action="reuse", reasons=step.reasons, seconds=0.0) for step in plan.steps]
    leave(
        work.project,
        recipe.overrides,
        {
            "recipe": recipe.name,
            "seed": recipe.head.seed,
            "document": _document(recipe),
            "plan": render(plan),
            "search": list(recipe.trials),
            "pages": {name: Mask(recipe.secrets)(text) for name, text in recipe.pages.items()},
            "packages": sorted({_home(cls) for cls in classes}),
            "sources": sorted({source for section in recipe.sections for source in section.stage.sources()}),
            "secrets": recipe.secrets,
            "texts": [file.text for file in work.catalog.files.values()],
            "files": sorted({str(path) for trace in traces for path in trace.files}),
            "locks": sorted({str(path) for trace in traces for path in trace.locks}),
            "steps": [Mask(recipe.secrets).deep(step.to_json()) for step in steps],
        },
        since=since,
    )


def _home(cls: type) -> str:
    """Folder of the top-level package, or the file of the module, that a class comes from."""
    module = sys.modules[cls.__module__.partition(".")[0]]
    return str(module.__path__[0] if hasattr(module, "__path__") else module.__file__)


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
    executors = executors_of(work, plan.recipe)
    limit_threads(executors[None].threads())
    bench = Bench(
        work.project,
        plan.recipe,
        work.store,
        record.id,
        executors,
        Followers((Recorder(record.event), show)),
    )
    try:
        return execute(plan, bench)
    finally:
        log.removeHandler(handler)


def limit_threads(threads: int) -> None:
    """Tell libraries, before they are imported, how many threads there are; what a person has set stands.

    Threads that wait must sleep: spinning ones make a fit ten times slower beside a busy neighbour.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


def executors_of(work: Workspace, recipe: Recipe) -> dict[str | None, Executor]:
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
