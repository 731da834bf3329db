"""Choices of config groups as parts, for verbs that work without a recipe."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mlops.catalog import near
from mlops.errors import ProjectError
from mlops.masking import named_in, reveal
from mlops.stage import Part
from mlops.workspace import Workspace

__all__ = ["built", "chosen", "overridden"]


def chosen(work: Workspace, group: str, choice: str, *, kind: type[Part], keys: Mapping[str, Any]) -> Any:
    """Build a choice of a group with some of its keys set.

    Args:
        work: the project.
        group: such as target.
        choice: such as local.
        kind: what it must be.
        keys: dotted key → value.

    Raises:
        ProjectError: there is no such choice, or a key is wrong.
    """
    file = work.catalog.load(f"{group}/{choice}")
    if file is None:
        choices = work.catalog.options(group)
        raise ProjectError(f"there is no {group} {choice!r}", fix=near(choice, choices, what=f"choices of {group} are"))
    values = file.root.data() if not file.faults else None
    if not isinstance(values, Mapping):
        raise ProjectError(f"the {group} {choice!r} cannot be read", where=file.name, fix="mlops check finds mistakes")
    return built(work, overridden(values, keys), kind=kind, where=file.name)


def overridden(values: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Set dotted keys in nested values.

    Raises:
        ProjectError: a key lies below a value.
    """
    made = copy.deepcopy(dict(values))
    for key, value in keys.items():
        *path, last = key.split(".")
        place: Any = made
        for name in path:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise ProjectError(f"{key} lies below a value", fix=f"leave out what follows {name}")
        place[last] = value
    return made


def built(work: Workspace, values: Mapping[str, Any], *, kind: type[Part], where: str, kept: bool = False) -> Any:
    """Build a part from its keys, ``_target_`` among them.

    Args:
        work: the project.
        values: the keys.
        kind: what it must be.
        where: for errors.
        kept: whether the keys are those of something that runs already, without its secrets; parts are told.

    Raises:
        ProjectError: a key is wrong, or refers to a variable that is not set.
    """
    found = work.plugins.resolve(values.get("_target_"), kind)
    given = {key: value for key, value in _revealed(values, where).items() if key != "_target_"}
    try:
        made = found.model_validate(given, context={"resolve": work.plugins.resolve, "kept": kept})
    except ValidationError as exc:
        said = "; ".join(_fault(item, found) for item in exc.errors(include_input=False, include_url=False))
        raise ProjectError(f"{kind.__name__.lower()}: {said}", where=where, fix="mend the key") from None
    return made


def _fault(error: Any, found: type[Part]) -> str:
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"there is no key {key!r}; {near(key, list(found.model_fields), what='keys are')}"
    return f"{key}: {error['msg']}" if key else str(error["msg"]).removeprefix("Value error, ")


def _revealed(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Put values in the place of references to the environment."""
    names = sorted(named_in([str(values)]))
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ProjectError(
            f"the environment variable {missing[0]} is not set", where=where, fix=f"export {missing[0]}=…"
        )
    revealed: Mapping[str, Any] = reveal(values, {name: os.environ[name] for name in names})
    return revealed
