"""What a version is compared with: the profile, signature and evaluation that its run made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlops.errors import ProjectError
from mlops.formats.bundle import Bundle
from mlops.formats.evaluation import Evaluation
from mlops.formats.profile import Profile
from mlops.run_history import list_runs, load_run
from mlops.run_reading import Run
from mlops.services.monitor import Reference
from mlops.store import Store
from mlops.watching.subject import Loop

__all__ = ["latest_reference", "references"]


def references(loop: Loop, versions: Iterable[int]) -> dict[int, Reference]:
    """Find the reference of each version.

    Raises:
        ProjectError: there is none for any of them.
    """
    known = {item.version: item for item in loop.registry.versions(_model(loop), loop.place)}
    found: dict[int, Reference] = {}
    problem: ProjectError | None = None
    for version in versions:
        if version not in known or not known[version].run:
            continue
        try:
            found[version] = _of(load_run(loop.place.state / "runs", known[version].run), loop.work.store)
        except ProjectError as exc:
            problem = exc
    if not found:
        raise problem or ProjectError(
            f"no version of {_model(loop)} that has answered here was made by a run of this project",
            fix=f"mlops run recipe={loop.recipe.name}",
        )
    return found


def _model(loop: Loop) -> str:
    served = loop.target.status(loop.deployment, loop.place).leading
    return served.model if served else loop.recipe.name


def latest_reference(loop: Loop) -> Reference:
    """Find the reference that the recipe's last finished run made.

    Raises:
        ProjectError: there is no such run, or it made no profile.
    """
    runs = list_runs(loop.place.state / "runs", recipe=loop.recipe.name, status="done")
    if not runs:
        raise ProjectError(f"no run of {loop.recipe.name} is done", fix=f"mlops run recipe={loop.recipe.name}")
    return _of(runs[0], loop.work.store)


def _of(run: Run, store: Store) -> Reference:
    made: dict[str, Any] = {}
    for step in run.steps:
        for output in (step.get("outputs") or {}).values():
            if output.get("digest"):
                made[output["format"]] = store.path(output["digest"])
    lacking = [name for name in (Profile.format, Bundle.format) if name not in made or not made[name].is_dir()]
    if lacking:
        raise ProjectError(
            f"run {run.id} has no {lacking[0]}, so there is nothing to compare with",
            fix=f"add '- profile: default' to the recipe {run.recipe} and profile to its stages, and run it again",
        )
    measured = Evaluation(made[Evaluation.format]).facts if Evaluation.format in made else {}
    return Reference(Profile(made[Profile.format]), Bundle(made[Bundle.format]).signature, measured)
