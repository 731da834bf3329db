"""Which version an alias points at now, as the project's registry has it."""

from __future__ import annotations

from mlops.errors import MlopsError
from mlops.model_registry import open_registry
from mlops.project import Project
from mlops.services.registry import ModelVersion
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["held_by"]

_CHOICE = "mlflow"
"""The registry of a project that says nothing else."""


def held_by(project: Project, model: str, alias: str) -> ModelVersion | None:
    """Ask the registry; None when it has no such alias, or cannot be asked: run records then tell what they know."""
    if alias.isdecimal() or not alias:
        return None
    try:
        registry = open_registry(Workspace(project), (), choice=_CHOICE)
        return registry.holder(model, alias, Place(project.root, project.state))
    except MlopsError:
        return None
