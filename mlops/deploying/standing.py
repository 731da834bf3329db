"""Deployments that there are, each with the target that it was given."""

from __future__ import annotations

from collections.abc import Iterator

from mlops.catalog import near
from mlops.deploying.groups import built
from mlops.errors import ProjectError
from mlops.services.audit import AuditLog
from mlops.services.target import Deployed, Target, folder_of, remembered
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["deployments", "resume", "target_of"]


def deployments(work: Workspace, place: Place, name: str | None = None) -> list[Deployed]:
    """Tell how deployments are: all, or one.

    Raises:
        ProjectError: there is none of this name.
    """
    if name is not None:
        return [target_of(work, place, name).status(name, place)]
    return list(_all(work, place))


def _all(work: Workspace, place: Place) -> Iterator[Deployed]:
    for name in remembered(place):
        try:
            yield target_of(work, place, name).status(name, place)
        except ProjectError as exc:
            yield Deployed(name, "?", "failed", note=exc.what)


def target_of(work: Workspace, place: Place, name: str) -> Target:
    """Give the target of a deployment, without its secrets.

    Raises:
        ProjectError: there is no such deployment.
    """
    known = remembered(place)
    if name not in known:
        hint = near(name, list(known), what="deployments are") or "there is none yet: mlops deploy model=…"
        raise ProjectError(f"there is no deployment {name!r}", fix=hint)
    target: Target = built(work, known[name], kind=Target, where=str(folder_of(name, place) / "target.json"), kept=True)
    return target


def resume(work: Workspace, place: Place, name: str) -> Deployed:
    """Start a deployment again as it was declared; one that runs is left as it is."""
    target = target_of(work, place, name)
    before = target.status(name, place)
    resumed = target.resume(name, place)
    if before.phase in ("stopped", "failed"):
        AuditLog(place.state).write("resume", f"deployment/{name}", {"note": before.note})
    return resumed
