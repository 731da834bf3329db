"""The registry that a verb works with: of a recipe, or a choice of its config group."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mlops.catalog import near
from mlops.errors import ProjectError
from mlops.masking import named_in, reveal
from mlops.services.registry import Registry
from mlops.workspace import Workspace

__all__ = ["open_registry"]

_SECTION = "registry"


def open_registry(work: Workspace, overrides: Sequence[str], *, choice: str) -> Registry:
    """Find the registry.

    Args:
        work: the project.
        overrides: of a recipe, whose registry is meant; none for the choice of the group.
        choice: of the config group ``registry``.

    Raises:
        ProjectError: there is none.
    """
    if overrides:
        recipe = work.recipe(overrides)
        found = recipe.services.get(_SECTION)
        if not isinstance(found, Registry):
            raise ProjectError(
                f"the recipe {recipe.name} has no registry", fix="add '- registry: mlflow' to its defaults"
            )
        return found
    section = _of_group(work, choice)
    kind = work.plugins.resolve(section.get("_target_"), Registry)
    keys = {key: value for key, value in section.items() if key != "_target_"}
    made = kind.model_validate(keys, context={"resolve": work.plugins.resolve})
    assert isinstance(made, Registry)  # noqa: S101 - resolved as one
    return made


def _of_group(work: Workspace, choice: str) -> Mapping[str, Any]:
    file = work.catalog.load(f"{_SECTION}/{choice}")
    if file is None:
        choices = work.catalog.options(_SECTION)
        raise ProjectError(f"there is no registry {choice!r}", fix=near(choice, choices, what="registries are"))
    if file.faults:
        raise ProjectError(f"the registry {choice!r} cannot be read: {file.faults[0].message}", where=file.name)
    section = file.root.data()
    if not isinstance(section, Mapping):
        raise ProjectError(f"the registry {choice!r} has no keys", where=file.name)
    return _revealed(section, file.name)


def _revealed(section: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Put values in the place of references to the environment."""
    names = sorted(named_in([str(section)]))
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ProjectError(
            f"the environment variable {missing[0]} is not set, which the registry needs",
            where=where,
            fix=f"export {missing[0]}=…",
        )
    revealed: Mapping[str, Any] = reveal(section, {name: os.environ[name] for name in names})
    return revealed
