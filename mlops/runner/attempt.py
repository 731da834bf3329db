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
from mlops.fingerprint import Ingredients
from mlops.formats.artifact import Artifact
from mlops.machine import machine
from mlops.masking import Mask, reveal
from mlops.plan.ingredients import Measurer
from mlops.plan.model import Step
from mlops.plan.standing import fallen, place_of
from mlops.plan.wiring import ports
from mlops.project import Project
from mlops.recipe.model import Recipe
from mlops.services.audit import AuditLog
from mlops.services.executor import Call, Cancellation, Executor, Lost, Outcome
from mlops.stage import Context, Place
from mlops.store import Entry, OutputRef, Store
from mlops.tracking import StepResult, Watcher
from mlops.versioned import Sources

__all__ = ["Bench", "perform"]

_MOST_LOST = 3
"""How often the place of one stage may go away before it is given up."""


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

    cancellation: Cancellation = field(default_factory=Cancellation)
    """Ends the stages that run in other processes."""

    remembers: bool = True
    """Whether what steps are made of counts as the last of their recipe; not so for trials of a search."""

    alone: bool = True
    """Whether steps are carried out one after another, in the main thread."""


@dataclass(frozen=True)
class _Making:
    """What the attempts of one step share."""

    ingredients: Ingredients
    inputs: Mapping[str, OutputRef]
    resume: Path
    metrics: dict[str, float] = field(default_factory=dict)


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
    if fallen(step.section, entry, store=bench.store, place=_place(bench)):
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
    clock = time.perf_counter()
    resume = bench.store.layout.checkpoint(key)
    making = _Making(ingredients, inputs, resume)
    with bench.store.workspace() as folder:
        outcome = _attempts(bench, step, folder, making=making)
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
        metrics=making.metrics,
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
        metrics=making.metrics,
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


def _attempts(bench: Bench, step: Step, folder: Path, *, making: _Making) -> Outcome:
    """Run the stage, and again as often as its section allows; a place that goes away is no fault of the stage."""
    retries = step.section.options.retries
    executor = bench.executors[step.section.options.executor]
    log = logging.getLogger(f"mlops.stage.{step.name}")
    failed = lost = 0
    while True:
        work = folder / f"attempt-{failed + lost}"
        work.mkdir()
        making.metrics.clear()
        try:
            return executor.execute(_call(bench, step, work, making=making))
        except Exception as exc:
            if bench.cancellation.asked:
                raise
            gone = isinstance(exc, Lost)
            failed, lost = failed + (not gone), lost + gone
            if failed > retries or lost > _MOST_LOST:
                raise
            count = f"{lost} of {_MOST_LOST}" if gone else f"{failed} of {retries + 1}"
            log.warning("%s %s failed: %s", "place" if gone else "attempt", count, exc)
            shutil.rmtree(work, ignore_errors=True)


def _call(bench: Bench, step: Step, folder: Path, *, making: _Making) -> Call:
    section = step.section
    return Call(
        stage=section.stage,
        target=section.target,
        parameters=reveal(section.parameters, bench.recipe.secrets),
        inputs=_handles(bench, step, making.inputs),
        outputs=ports(type(section.stage)).outputs,
        context=_context(bench, step, folder, making=making),
        plugins=bench.project.plugins,
        timeout=section.options.timeout,
        resources=section.options.resources,
        code=making.ingredients.code,
        libraries=making.ingredients.libraries,
        alone=bench.alone,
        cancellation=bench.cancellation,
    )


def _context(bench: Bench, step: Step, folder: Path, *, making: _Making) -> Context:
    resources = step.section.options.resources
    executor = bench.executors[step.section.options.executor]
    here = machine(resources, threads=executor.threads())
    cpus = (resources.cpus or executor.threads()) if executor.elsewhere() else here.cpus

    def on_metric(name: str, value: float, at: int | None) -> None:
        making.metrics[name] = value
        bench.watch.metric(step.name, name, value, at)

    return Context(
        folder=folder,
        seed=bench.recipe.head.seed,
        cpus=cpus,
        gpus=resources.gpus,
        machine=here,
        log=logging.getLogger(f"mlops.stage.{step.name}"),
        find=Sources(bench.project, pulls=True).find,
        on_metric=on_metric,
        on_progress=lambda done, total, note: bench.watch.progress(step.name, done, total, note),
        resume=making.resume,
        lineage=_lineage(bench, step),
        place=_place(bench),
        digests={link.name: bench.made[link.stage, link.output].digest for link in step.links},
        on_audit=lambda action, subject, facts: _audited(bench, step, action, subject=subject, facts=facts),
    )


def _place(bench: Bench) -> Place:
    return place_of(bench.project, bench.recipe.name, run=bench.run)


def _audited(bench: Bench, step: Step, action: str, *, subject: str, facts: Mapping[str, Any]) -> None:
    known = {"recipe": bench.recipe.name, "run": bench.run, "stage": step.name}
    AuditLog(bench.project.state).write(action, subject, Mask(bench.recipe.secrets).deep({**facts, **known}))


def _lineage(bench: Bench, step: Step) -> dict[str, Any]:
    """Collect the stages that led here, and nothing of those that did not."""
    found: dict[str, Any] = {}
    pending = [link.stage for link in step.links]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = bench.lineage[name]
            pending += [source.split(".")[0] for source in bench.lineage[name]["inputs_from"].values()]
    return {section.name: found[section.name] for section in bench.recipe.sections if section.name in found}


def _handles(bench: Bench, step: Step, inputs: Mapping[str, OutputRef]) -> dict[str, Artifact]:
    found = ports(type(step.section.stage))
    return {name: found.input(name)(bench.store.path(ref.digest)) for name, ref in inputs.items()}


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
    if not bench.remembers:
        return
    latest = bench.store.latest(bench.recipe.name, step.name)
    if latest is None or latest.get("key") != result.key:
        seconds = result.seconds if result.action == "run" else (latest or {}).get("seconds")
        payload = {"key": result.key, "seconds": seconds, "ingredients": ingredients.to_json()}
        bench.store.set_latest(bench.recipe.name, step.name, payload)
