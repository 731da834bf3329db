"""What a person asks the lineage of → the run that made it, and the stages to start from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops.ancestry.holding import Now
from mlops.errors import ProjectError
from mlops.project import Project
from mlops.run_history import list_runs, load_run
from mlops.run_reading import Run
from mlops.services.registry import ModelVersion
from mlops.store import Store

__all__ = ["Asked", "facts_of", "find"]

_HEX = re.compile(r"[0-9a-f]{6,64}")
_MARKS = {"registration": "registration.json", "deployment": "deployment.json"}


@dataclass(frozen=True)
class Asked:
    """Where a lineage starts, going back."""

    run: Run
    stages: tuple[str, ...]
    """Stages whose ancestors are wanted; all of the run when empty."""

    deployment: str = ""
    """The deployment that was asked for, where it was one that serves."""


def find(project: Project, name: str, now: Now) -> Asked:
    """Find the run behind a run's ID, MODEL@VERSION, MODEL@ALIAS, a digest, or a deployment's name.

    An alias and a deployment stand for the version that they have now.

    Raises:
        ProjectError: nothing is called that; the places searched are listed.
    """
    runs_dir = project.state / "runs"
    if name == "last":
        return Asked(load_run(runs_dir, name), ())
    runs = list_runs(runs_dir)
    store = Store(project.state / "store")
    model, at, version = name.partition("@")
    if at:
        held = _held(model, version, now)
        return _registered(
            runs, store, model, str(held.version) if held else version, digest=held.digest if held else ""
        )
    exact = [run for run in runs if name and (run.id.startswith(name) or run.id.endswith(name))]
    if len(exact) == 1:
        return Asked(exact[0], ())
    if not exact and (
        found := _by_digest(runs, name) or _serving(runs, store, name, now) or _deployed(runs, store, name)
    ):
        return found
    try:
        return Asked(load_run(runs_dir, name), ())
    except ProjectError as exc:
        if exact or not runs:
            raise
        raise ProjectError(
            f"nothing is called {name!r}",
            where="looked among runs, digests of artifacts, registered versions (MODEL@VERSION) and deployments",
            fix=f"mlops runs lists the runs; 'last' is {runs[0].id}",
        ) from exc


def _held(model: str, alias: str, now: Now) -> ModelVersion | None:
    """Ask who has an alias; None for a number, and where the registry does not tell.

    Raises:
        ProjectError: the registry tells, and nobody has it.
    """
    held = now.holder(model, alias)
    if held is None and not alias.isdecimal() and alias != "latest" and (known := now.versions(model)):
        listed = ", ".join(" = ".join([str(item.version), *item.aliases]) for item in known)
        raise ProjectError(f"no version of {model} is {alias!r} now", fix=f"versions are {listed}, latest")
    return held


def _by_digest(runs: Sequence[Run], name: str) -> Asked | None:
    """Find who made an artifact: the run that ran the stage rather than one that reused it."""
    if not _HEX.fullmatch(name):
        return None
    found = [
        (step.get("action") == "run", run, str(step["stage"]), str(output["digest"]))
        for run in runs
        for step in run.steps
        for output in (step.get("outputs") or {}).values()
        if str(output.get("digest", "")).startswith(name)
    ]
    digests = {digest for *_, digest in found}
    if len(digests) > 1:
        listed = ", ".join(sorted(digest[:16] for digest in digests)[:3])
        raise ProjectError(f"{len(digests)} artifacts have digests that begin with {name}: {listed} …", fix="give more")
    made = [item for item in found if item[0]] or found
    return Asked(made[0][1], (made[0][2],)) if made else None


def facts_of(step: Mapping[str, Any], store: Store, kind: str) -> dict[str, Any]:
    """Read what a stage wrote of a registration or deployment; empty when it made none."""
    for output in (step.get("outputs") or {}).values():
        if output.get("format") == kind:
            try:
                facts = json.loads((store.path(output["digest"]) / _MARKS[kind]).read_bytes())
            except (OSError, ValueError):
                return {}
            return facts if isinstance(facts, dict) else {}
    return {}


def _marked(runs: Sequence[Run], store: Store, kind: str) -> Iterator[tuple[Run, str, dict[str, Any]]]:
    for run in runs:
        for step in run.steps:
            if facts := facts_of(step, store, kind):
                yield run, str(step["stage"]), facts


def _registered(runs: Sequence[Run], store: Store, model: str, version: str, *, digest: str) -> Asked:
    """Find the run that registered a version; the one that made its bundle when that record was removed."""
    known = [item for item in _marked(runs, store, "registration") if item[2].get("model") == model]
    for run, stage, facts in known:
        if version in (str(facts.get("version")), facts.get("alias"), "latest"):
            return Asked(run, (stage,))
    if digest and (made := _by_digest(runs, digest)):
        return made
    versions = sorted({f"{facts['model']}@{facts['version']}" for _, _, facts in known})
    if versions:
        raise ProjectError(f"no run registered {model}@{version}", fix=f"there are {', '.join(versions)}")
    models = sorted({facts["model"] for _, _, facts in _marked(runs, store, "registration")})
    listed = f"models are {', '.join(models)}" if models else "a recipe with the stage register makes one"
    raise ProjectError(f"no run registered a model {model!r}", fix=listed)


def _serving(runs: Sequence[Run], store: Store, name: str, now: Now) -> Asked | None:
    """Find the run behind the version that leads a deployment now, with the stages of it that brought it there."""
    leading = now.leading(name)
    if leading is None:
        return None
    asked = _registered(runs, store, leading.model, str(leading.version), digest=leading.digest)
    brought = [
        stage
        for _, stage, facts in _marked([asked.run], store, "deployment")
        if (facts.get("name"), facts.get("digest")) == (name, leading.digest)
    ]
    return replace(asked, stages=(*asked.stages, *brought), deployment=name)


def _deployed(runs: Sequence[Run], store: Store, name: str) -> Asked | None:
    for run, stage, facts in _marked(runs, store, "deployment"):
        if facts.get("name") == name:
            return Asked(run, (stage,))
    return None
