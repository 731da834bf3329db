"""Deployments that should serve, and whether they do."""

from __future__ import annotations

from collections.abc import Iterator

from mlops.deploying import deployments
from mlops.doctor.finding import Finding, ok, warn
from mlops.project import Project
from mlops.services.target import Deployed
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["examine_deployments"]

_TOPIC = "deployments"
_UNKNOWN = "?"
"""Target of a deployment that cannot be asked."""


def examine_deployments(project: Project) -> Iterator[Finding]:
    """Ask each target; one whose supervisor has ended is declared to serve and does not."""
    found = deployments(Workspace(project), Place(project.root, project.state))
    for deployed in found:
        if deployed.phase == "failed":
            yield _failed(deployed)
        elif deployed.phase == "aborted":
            fix = f"see what it was asked: mlops status {deployed.name}; then deploy another version"
            yield warn(_TOPIC, f"{deployed.name}: the last rollout was aborted: {deployed.note}", fix=fix)
        else:
            yield ok(_TOPIC, f"{deployed.name}: {deployed.phase}", where=deployed.url)
    if not found:
        yield ok(_TOPIC, "nothing is deployed")


def _failed(deployed: Deployed) -> Finding:
    why = deployed.note.partition("; start it again")[0]
    if deployed.target == _UNKNOWN:
        fix = f"mlops status {deployed.name}"
        return warn(_TOPIC, f"{deployed.name} cannot be asked: {why}", fix=fix)
    fix = f"mlops deploy {deployed.name}, or mlops stop {deployed.name} if it is not wanted"
    return warn(_TOPIC, f"{deployed.name} should serve and does not: {why}", where=deployed.target, fix=fix)
