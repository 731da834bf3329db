"""One step of a plan: take the key's lock, look again, run the stage, commit what it made."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops.errors import ArtifactDamaged, MlopsError
from mlops.executors.executor import Call, Executor, Outcome
from mlops.fingerprint import Ingredients
from mlops.formats.artifact import Artifact
from mlops.machine import machine
from mlops.masking import reveal
from mlops.plan.ingredients import Measurer
from mlops.plan.model import Step
from mlops.plan.wiring import ports
from mlops.project import Project
from mlops.recipe.model import Recipe
from mlops.stage import Context
from mlops.store import Entry, OutputRef, Store
from mlops.tracking import StepResult, Watcher

__all__ = ["Bench", "perform"]


@dataclass
class Bench:
    """What the steps of one run share."""

    project: Project
    recipe: Recipe
    store: Store
    run: str
    executors: Mapping[str | None, Executor]
    """Executor by name; None is the recipe's own."""

    watch: Watcher
    made: dict[tuple[str, str], OutputRef] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)
    salvaged: set[str] = field(default_factory=set)
    """Digests of damaged artifacts already set aside."""


def perform(bench: Bench, step: Step) -> StepResult:
    """Carry out one step: reuse what is there, or run the stage and commit.

    Raises:
        Exception: whatever the stage raised; nothing of it is kept.
    """
    inputs = {link.name: bench.made[link.stage, link.output] for link in step.links}
    ingredients = replace(step.ingredients, inputs={name: ref.digest for name, ref in inputs.items()})
    key = ingredients.key()
    for digest in step.damaged:
        bench.store.set_aside(digest)
    result = _reused(bench, step, key) if not step.always else None
    if result is None:
        with bench.store.key_lock(key, on_wait=lambda: bench.watch.step_waits(step.name)):
            result = _reused(bench, step, key) if not step.always else None
            if result is None:
                result = _ran(bench, step, ingredients, inputs=inputs, key=key)
    _remember(bench, step, result, ingredients)
    return replace(result, ingredients=ingredients.to_json(), inputs=_sources_of(step))


def _sources_of(step: Step) -> dict[str, str]:
    return {link.name: f"{link.stage}.{link.output}" for link in step.links}


def _reused(bench: Bench, step: Step, key: str) -> StepResult | None:
    """Reuse what the key made before, when it is there and whole."""
    entry = bench.store.find(key)
    if entry is None:
        return None
    for output in entry.outputs:
        try:
            bench.store.check(output.digest)
        except ArtifactDamaged:
            bench.store.set_aside(output.digest)
            return None
    planned = step.action == "reuse"
    reasons = step.reasons if planned else ("its inputs turned out the same",) if step.links else ("made meanwhile",)
    return StepResult(
        step.name,
        "reuse",
        reasons,
        seconds=0.0,
        key=key,
        made_by=entry.run,
        outputs=entry.outputs,
        summaries=_summaries(bench, step, entry.outputs),
        metrics=entry.metrics,
    )


def _ran(
    bench: Bench, step: Step, ingredients: Ingredients, *, inputs: Mapping[str, OutputRef], key: str
) -> StepResult:
    started = datetime.now(UTC)
    bench.watch.step_started(step.name, step.reasons)
    metrics: dict[str, float] = {}
    clock = time.perf_counter()
    resume = bench.store.layout.checkpoint(key)
    with bench.store.workspace() as folder:
        outcome = _attempts(bench, step, folder, inputs=inputs, resume=resume, metrics=metrics)
        outputs = _committed(bench, step, outcome)
    seconds = time.perf_counter() - clock
    entry = Entry(
        key=key,
        stage=step.name,
        target=step.section.target,
        outputs=outputs,
        run=bench.run,
        seconds=seconds,
        peak_memory=outcome.peak_memory,
        metrics=metrics,
        ingredients=ingredients.to_json(),
    )
    if not _changed_meanwhile(bench, step, ingredients):
        bench.store.put(entry)
    if resume.exists():
        shutil.rmtree(resume, ignore_errors=True)
    return StepResult(
        step.name,
        "run",
        step.reasons,
        seconds=seconds,
        peak_memory=outcome.peak_memory,
        key=key,
        made_by=bench.run,
        started=started.isoformat(),
        outputs=outputs,
        summaries=_summaries(bench, step, outputs),
        metrics=metrics,
    )


def _changed_meanwhile(bench: Bench, step: Step, ingredients: Ingredients) -> bool:
    """Tell whether the code or a source is no longer what the key says.

    Which of both was read nobody knows, so the result may be used in this run but not found by the next.
    """
    try:
        now = Measurer(bench.project, bench.recipe).measure(step.section)
    except MlopsError:
        now = replace(ingredients, code={})
    changed = [
        name
        for old, new in ((ingredients.code, now.code), (ingredients.sources, now.sources))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    if changed:
        log = logging.getLogger(f"mlops.stage.{step.name}")
        log.warning("%s changed while the stage ran: its result is not kept for later runs", changed[0])
    return bool(changed)


def _attempts(
    bench: Bench,
    step: Step,
    folder: Path,
    *,
    inputs: Mapping[str, OutputRef],
    resume: Path,
    metrics: dict[str, float],
) -> Outcome:
    """Run the stage, and again as often as its section allows."""
    section = step.section
    executor = bench.executors[section.options.executor]
    log = logging.getLogger(f"mlops.stage.{step.name}")
    for attempt in range(section.options.retries + 1):
        work = folder / f"attempt-{attempt}"
        work.mkdir()
        metrics.clear()
        context = _context(bench, step, work, resume=resume, metrics=metrics)
        call = Call(
            stage=section.stage,
            target=section.target,
            parameters=reveal(section.parameters, bench.recipe.secrets),
            inputs=_handles(bench, step, inputs),
            outputs=ports(type(section.stage)).outputs,
            context=context,
            plugins=bench.project.plugins,
            timeout=section.options.timeout,
        )
        try:
            return executor.execute(call)
        except Exception as exc:
            if attempt == section.options.retries:
                raise
            log.warning("attempt %d of %d failed: %s", attempt + 1, section.options.retries + 1, exc)
            shutil.rmtree(work, ignore_errors=True)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _context(bench: Bench, step: Step, folder: Path, *, resume: Path, metrics: dict[str, float]) -> Context:
    resources = step.section.options.resources
    executor = bench.executors[step.section.options.executor]
    here = machine(resources, threads=executor.threads())

    def on_metric(name: str, value: float, at: int | None) -> None:
        metrics[name] = value
        bench.watch.metric(step.name, name, value, at)

    return Context(
        folder=folder,
        seed=bench.recipe.head.seed,
        cpus=here.cpus,
        gpus=resources.gpus,
        machine=here,
        log=logging.getLogger(f"mlops.stage.{step.name}"),
        find=bench.project.find,
        on_metric=on_metric,
        on_progress=lambda done, total, note: bench.watch.progress(step.name, done, total, note),
        resume=resume,
        lineage=_lineage(bench, step),
    )


def _lineage(bench: Bench, step: Step) -> dict[str, Any]:
    """Collect the stages that led here, and nothing of those that did not."""
    found: dict[str, Any] = {}
    pending = [link.stage for link in step.links]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = bench.lineage[name]
            pending += [source.split(".")[0] for source in bench.lineage[name]["inputs_from"].values()]
    return {name: found[name] for name in bench.lineage if name in found}


def _handles(bench: Bench, step: Step, inputs: Mapping[str, OutputRef]) -> dict[str, Artifact]:
    formats = ports(type(step.section.stage)).inputs
    return {name: formats[name](bench.store.path(ref.digest)) for name, ref in inputs.items()}


def _committed(bench: Bench, step: Step, outcome: Outcome) -> tuple[OutputRef, ...]:
    formats = ports(type(step.section.stage)).outputs
    return tuple(
        OutputRef(name, formats[name].format, bench.store.commit(folder)) for name, folder in outcome.folders.items()
    )


def _summaries(bench: Bench, step: Step, outputs: tuple[OutputRef, ...]) -> dict[str, str]:
    """Say what each output holds; a handle that cannot is no reason to fail a run."""
    formats = ports(type(step.section.stage)).outputs
    found: dict[str, str] = {}
    for ref in outputs:
        try:
            found[ref.name] = formats[ref.name](bench.store.path(ref.digest)).summary()
        except Exception as exc:  # noqa: BLE001 - a plugin's summary may raise anything
            logging.getLogger(f"mlops.stage.{step.name}").debug("no summary of %s: %s", ref.name, exc)
            found[ref.name] = ""
    return found


def _remember(bench: Bench, step: Step, result: StepResult, ingredients: Ingredients) -> None:
    for ref in result.outputs:
        bench.made[step.name, ref.name] = ref
    bench.lineage[step.name] = {
        "target": step.section.target,
        "key": result.key,
        "parameters": ingredients.to_json()["parameters"],
        "libraries": dict(ingredients.libraries),
        "sources": dict(ingredients.sources),
        "inputs": dict(ingredients.inputs),
        "inputs_from": _sources_of(step),
    }
    latest = bench.store.latest(bench.recipe.name, step.name)
    if latest is None or latest.get("key") != result.key:
        seconds = result.seconds if result.action == "run" else (latest or {}).get("seconds")
        payload = {"key": result.key, "seconds": seconds, "ingredients": ingredients.to_json()}
        bench.store.set_latest(bench.recipe.name, step.name, payload)
