"""Rollouts that ended in the background, brought home before a run relies on who is champion."""

from __future__ import annotations

from mlops.errors import MlopsError, ProjectError
from mlops.recipe import Recipe
from mlops.services.promotion import settle_due
from mlops.watching.subject import Loop
from mlops.workspace import Workspace

__all__ = ["bring_home"]


def bring_home(work: Workspace, recipe: Recipe) -> str:
    """Let a version that has taken over its deployment by now be champion.

    Returns:
        What could not be done, for a warning; empty when all is well or there is nothing to do.
    """
    loop = Loop(work, recipe)
    if not loop.promotes:
        return ""
    try:
        registry, deployed = loop.registry, loop.target.status(loop.deployment, loop.place)
    except ProjectError:  # no registry, or nothing deployed yet
        return ""
    try:
        settle_due(registry, deployed, loop.place)
    except MlopsError as exc:
        return f"the rollout of {deployed.name} could not be settled: {exc.what}"
    return ""
