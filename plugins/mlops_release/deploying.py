"""The work of the deploy stage: write it down, release, wait, settle who is champion."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops import formats
from mlops.errors import MlopsError, ProjectError, StageError
from mlops.formats.deployment import Deployment
from mlops.formats.registration import Registration
from mlops.services.promotion import challenge, settle
from mlops.services.registry import CHALLENGER, ModelVersion
from mlops.services.target import Deployed
from mlops.stage import Context

if TYPE_CHECKING:
    from mlops_release.deploy import Deploy

__all__ = ["deploy"]

_PAUSE = 0.25
"""Seconds between two looks at a rollout."""


def deploy(stage: Deploy, registration: Registration, bundle: formats.Bundle, *, context: Context) -> Deployment:
    """Bring the registered version to the deployment.

    Raises:
        StageError: the rollout was aborted, or the bundle is not the one registered.
        ProjectError: the target or the registry refuses.
    """
    del bundle  # its digest alone counts
    version = _version(stage, registration, context)
    name = stage.name or version.model
    deployed = _newer(stage, name, version, context) or _released(
        stage, name, version, is_challenger=registration.facts["alias"] == CHALLENGER, context=context
    )
    context.log.info("%s: %s%s", name, deployed.phase, f" at {deployed.url}" if deployed.url else "")
    made = {"name": name, "target": deployed.target, "model": version.model, "version": version.version}
    return Deployment.create(context.output("deployment"), {**made, "digest": version.digest})


def _newer(stage: Deploy, name: str, version: ModelVersion, context: Context) -> Deployed | None:
    """Find a newer version of the model at work, which is not to be replaced by this one."""
    try:
        now = stage.target.status(name, context.place)
    except ProjectError:
        return None
    leads = now.leading
    alive = now.phase in ("steady", "rolling", "aborted")
    if stage.older == "deploy" or not alive or leads is None or leads.model != version.model:
        return None
    if leads.version <= version.version:
        return None
    context.log.warning(
        "%s serves version %d, which is newer than this bundle's version %d, and is left as it is;"
        " to go back: mlops rollback %s, or mlops run … deploy.older=deploy",
        *(name, leads.version, version.version, name),
    )
    return now


def _released(stage: Deploy, name: str, version: ModelVersion, *, is_challenger: bool, context: Context) -> Deployed:
    """Release, wait, and draw the consequences."""
    if stage.promotes and is_challenger:
        challenge(stage.registry, version, context.place)
    _write_down("deploy", name, stage, version, context=context)
    try:
        deployed = stage.target.release(name, version, stage.strategy, context.place)
    except MlopsError as exc:
        _write_down("deploy failed", name, stage, version, context=context, why=exc.what)
        raise
    deployed = _waited(stage, name, deployed, context)
    if stage.promotes:
        settle(stage.registry, deployed, context.place, model=version.model, tried=version.version)
    _judge(deployed, version)
    return deployed


def _version(stage: Deploy, registration: Registration, context: Context) -> ModelVersion:
    facts = registration.facts
    version = stage.registry.find(facts["model"], str(facts["version"]), context.place)
    for other, what in ((version.digest, "registry"), (context.digests.get("bundle", version.digest), "bundle")):
        if other != facts["digest"]:
            raise StageError(
                f"version {version.version} of {version.model} is not the bundle of the {what}",
                fix="let register and deploy take their bundle from one stage (see `inputs`); then --force register",
            )
    return replace(version, folder=stage.registry.bundle(version, context.place))


def _write_down(
    action: str, name: str, stage: Deploy, version: ModelVersion, *, context: Context, why: str = ""
) -> None:
    facts = {"model": version.model, "version": version.version, "digest": version.digest}
    how = {"target": type(stage.target).__name__, "strategy": type(stage.strategy).__name__}
    context.audit(action, f"deployment/{name}", **facts, **how, **({"why": why} if why else {}))


def _waited(stage: Deploy, name: str, deployed: Deployed, context: Context) -> Deployed:
    began = time.monotonic()
    while deployed.phase == "rolling" and (passed := time.monotonic() - began) < stage.wait:
        context.progress(passed, stage.wait, deployed.note or "rolling out")
        time.sleep(min(_PAUSE, stage.wait))
        deployed = stage.target.status(name, context.place)
    return deployed


def _judge(deployed: Deployed, version: ModelVersion) -> None:
    if deployed.phase in ("aborted", "failed", "stopped"):
        raise StageError(
            f"the rollout of version {version.version} to {deployed.name} was {deployed.phase}"
            + (f": {deployed.note}" if deployed.note else ""),
            where=f"deployment {deployed.name}",
            fix=f"see mlops status {deployed.name}; to try again: mlops run … --force deploy",
        )
