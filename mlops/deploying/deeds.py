"""Deploy, go back, stop: each written down in the audit log, and followed by what it means for the champion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.deploying.request import Request
from mlops.deploying.standing import target_of
from mlops.errors import MlopsError
from mlops.model_registry import open_registry
from mlops.services.audit import AuditLog
from mlops.services.promotion import settle, subject_of
from mlops.services.target import Deployed, remember, remembered
from mlops.stage import Place
from mlops.workspace import Workspace

if TYPE_CHECKING:
    from mlops.deploying.sources import Order

__all__ = ["deploy", "roll_back", "stop"]


def deploy(work: Workspace, request: Request, place: Place) -> Deployed:
    """Bring a version to a deployment.

    Raises:
        MlopsError: it cannot be found, or the target refuses it.
    """
    from mlops.deploying.sources import order  # it reads bundles, and the other deeds need none

    wanted = order(work, request, place)
    log, subject = AuditLog(place.state), f"deployment/{wanted.name}"
    facts = _facts(wanted)
    log.write("deploy", subject, facts)
    try:
        with work.store.using():
            deployed = wanted.target.release(wanted.name, wanted.version, wanted.strategy, place)
    except MlopsError as exc:
        log.write("deploy failed", subject, {**facts, "why": exc.what})
        raise
    if wanted.name not in remembered(place):  # its target left it to us
        remember(wanted.name, wanted.target, place)
    if wanted.registry is not None:
        settle(wanted.registry, deployed, place, model=wanted.version.model, tried=wanted.version.version)
    return deployed


def _facts(wanted: Order) -> dict[str, object]:
    version = wanted.version
    how = {"target": type(wanted.target).__name__, "strategy": type(wanted.strategy).__name__}
    return {"model": version.model, "version": version.version, "digest": version.digest, **how}


def roll_back(work: Workspace, place: Place, name: str, *, why: str) -> Deployed:
    """Give all requests of a deployment back to the version that led before."""
    deployed = target_of(work, place, name).rollback(name, place, why=why)
    leading = deployed.leading
    facts = {"why": why, "note": deployed.note} | (
        {"model": leading.model, "version": leading.version} if leading else {}
    )
    AuditLog(place.state).write("rollback", f"deployment/{name}", facts)
    if leading is not None and AuditLog(place.state).read(subject_of(leading.model)):
        settle(open_registry(work, (), choice="mlflow"), deployed, place)
    return deployed


def stop(work: Workspace, place: Place, name: str, *, why: str) -> Deployed:
    """End a deployment; its log is kept."""
    deployed = target_of(work, place, name).stop(name, place)
    AuditLog(place.state).write("stop", f"deployment/{name}", {"why": why} if why else {})
    return deployed
