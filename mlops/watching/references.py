"""What a version is compared with: the profile, signature and evaluation that its run made."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlops.errors import ProjectError
from mlops.formats.bundle import Bundle
from mlops.formats.evaluation import Evaluation
from mlops.formats.profile import Profile
from mlops.run_history import list_runs, load_run
from mlops.run_reading import Run
from mlops.services.monitor import Reference
from mlops.services.registry import ModelVersion
from mlops.watching.subject import Loop

__all__ = ["latest_reference", "references"]

_LOG = logging.getLogger("mlops.monitor")


def references(loop: Loop, model: str, versions: Iterable[int]) -> dict[int, Reference]:
    """Find the reference of each version; those that have none are named in the log.

    Raises:
        ProjectError: there is none for any of them.
    """
    known = {item.version: item for item in loop.registry.versions(model, loop.place)}
    found: dict[int, Reference] = {}
    problems: list[ProjectError] = []
    for number in sorted(versions):
        try:
            found[number] = _of(loop, _made_by(loop, model, number, known.get(number)))
        except ProjectError as exc:
            problems.append(exc)
    if not found:
        raise problems[-1]
    for problem in problems:
        _LOG.warning("%s; its rows are compared with version %d", problem.what, max(found))
    return found


def _made_by(loop: Loop, model: str, number: int, version: ModelVersion | None) -> Run:
    """Find the run that made a version, or another one that came to the very same bundle."""
    if version is None:
        raise ProjectError(
            f"version {number}, which has answered here, is no version of the model {model}",
            fix=f"mlops models show {model}; does recipe={loop.recipe.name} name the registry that was used?",
        )
    runs = loop.place.state / "runs"
    try:
        return load_run(runs, version.run)
    except ProjectError as exc:
        for run in list_runs(runs):
            if version.digest in _outputs(run).values():
                return run
        raise ProjectError(
            f"what version {number} of {model} was trained on is not known: its run {version.run or ''} is not here",
            fix=f"mlops run recipe={loop.recipe.name} makes a version that is known; runs that are needed: mlops runs",
        ) from exc


def latest_reference(loop: Loop) -> tuple[Reference, Bundle]:
    """Find the reference that the recipe's last finished run made, and its bundle.

    Raises:
        ProjectError: there is no such run, or it made no profile.
    """
    runs = list_runs(loop.place.state / "runs", recipe=loop.recipe.name, status="done", limit=1)
    if not runs:
        raise ProjectError(f"no run of {loop.recipe.name} is done", fix=f"mlops run recipe={loop.recipe.name}")
    return _of(loop, runs[0]), Bundle(_folders(loop, runs[0])[Bundle.format])


def _outputs(run: Run) -> dict[str, str]:
    """Give format → digest of what a run made or reused."""
    steps: list[dict[str, Any]] = [step.get("outputs") or {} for step in run.steps]
    return {output["format"]: output["digest"] for made in steps for output in made.values() if output.get("digest")}


def _folders(loop: Loop, run: Run) -> dict[str, Path]:
    return {name: loop.work.store.path(digest) for name, digest in _outputs(run).items()}


def _of(loop: Loop, run: Run) -> Reference:
    made = _folders(loop, run)
    for name in (Profile.format, Bundle.format):
        if name not in made:
            raise ProjectError(
                f"run {run.id} has no {name}, so there is nothing to compare with",
                fix=f"add '- profile: default' to the recipe {run.recipe} and profile to its stages, and run it again",
            )
        if not made[name].is_dir():
            raise ProjectError(
                f"the {name} of run {run.id} is no longer in the store",
                where=str(made[name]),
                fix=f"mlops run recipe={run.recipe} makes it again from the same data",
            )
    measured = Evaluation(made[Evaluation.format]).facts if Evaluation.format in made else {}
    return Reference(Profile(made[Profile.format]), Bundle(made[Bundle.format]).signature, measured)
