"""The version that is meant: registered under a name, or a bundle that is in no registry."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlops.deploying.groups import built, chosen, overridden
from mlops.deploying.request import Request
from mlops.errors import ProjectError
from mlops.model_registry import open_registry
from mlops.prediction.finding import find_bundle
from mlops.recipe import Recipe
from mlops.services.registry import CHAMPION, ModelVersion, Registry
from mlops.services.target import Strategy, Target, folder_of, remembered
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["Order", "order"]

_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)


@dataclass(frozen=True)
class Order:
    """Everything that a target is told."""

    name: str
    version: ModelVersion
    target: Target
    strategy: Strategy
    registry: Registry | None
    """Where the version is registered; None for one that is nowhere."""


def order(work: Workspace, request: Request, place: Place) -> Order:
    """Find what is asked for.

    Raises:
        ProjectError: there is no such model, version, bundle, target or strategy.
    """
    if request.source == "recipe":
        return _of_recipe(work, request, place)
    strategy = chosen(work, "strategy", request.strategy, kind=Strategy, keys=request.keys["strategy"])
    registry = None
    if request.source == "bundle" or _is_bundle(request.wanted):
        version = _unregistered(work, request.wanted)
    else:
        registry = open_registry(work, (), choice=request.registry)
        version = _registered(registry, request.wanted, request.version, place)
    name = request.deployment or version.model
    return Order(name, version, _target(work, request, place, name), strategy, registry)


def _target(work: Workspace, request: Request, place: Place, name: str) -> Target:
    """Build the target that is named, or the one that the deployment has, with the keys that are given."""
    keys = request.keys["target"]
    known = None if request.target else remembered(place).get(name)
    if known is None:
        made = chosen(work, "target", request.target or "local", kind=Target, keys=keys)
    else:
        where = str(folder_of(name, place) / "target.json")
        made = built(work, overridden(known, keys), kind=Target, where=where)
    assert isinstance(made, Target)  # noqa: S101 - asked for above
    return made


def _of_recipe(work: Workspace, request: Request, place: Place) -> Order:
    recipe = work.recipe(request.overrides)
    name, model = _names(recipe)
    target, strategy, registry = (recipe.services.get(key) for key in ("target", "strategy", "registry"))
    for key, part, kind in (
        ("target", target, Target),
        ("strategy", strategy, Strategy),
        ("registry", registry, Registry),
    ):
        if not isinstance(part, kind):
            choices = {"target": "local", "strategy": "direct", "registry": "mlflow"}
            raise ProjectError(
                f"the recipe {recipe.name} has no {key}", fix=f"add '- {key}: {choices[key]}' to its defaults"
            )
    assert isinstance(target, Target)  # noqa: S101 - seen above
    assert isinstance(strategy, Strategy)  # noqa: S101 - seen above
    assert isinstance(registry, Registry)  # noqa: S101 - seen above
    version = _registered(registry, model, request.version, place)
    return Order(request.deployment or name or model, version, target, strategy, registry)


def _names(recipe: Recipe) -> tuple[str, str]:
    """Name of the deployment, if the recipe says it, and of the model."""
    stages = [section.stage for section in recipe.sections]
    deploys = [stage for stage in stages if hasattr(stage, "strategy") and hasattr(stage, "target")]
    registers = [stage for stage in stages if hasattr(stage, "registry") and hasattr(stage, "promote")]
    name = next((getattr(stage, "name", None) for stage in deploys), None)
    model = next((getattr(stage, "model", None) for stage in registers), None)
    return name or "", model or recipe.name


def _registered(registry: Registry, model: str, wanted: str, place: Place) -> ModelVersion:
    """Find a version; without a word, the champion, or the latest where there is none yet."""
    if wanted:
        return registry.find(model, wanted, place)
    latest = registry.find(model, "latest", place)
    return registry.holder(model, CHAMPION, place) or latest


def _is_bundle(wanted: str) -> bool:
    return (Path(wanted).expanduser() / "model.onnx").is_file()


def _unregistered(work: Workspace, wanted: str) -> ModelVersion:
    """Take a bundle into the project's store, so that it stays as it is; its number follows from its bytes."""
    found = find_bundle(work.project, wanted)
    with work.store.using(), work.store.workspace() as folder:
        shutil.copytree(
            found.bundle.folder,
            folder / "bundle",
            ignore=shutil.ignore_patterns("manifest.json"),
            copy_function=shutil.copy,
        )
        digest = work.store.commit(folder / "bundle")
    name = _NO_NAME.sub("-", Path(wanted).expanduser().resolve().name).strip("-.") or "model"
    return ModelVersion(
        model=name,
        version=int(digest[:7], 16),
        digest=digest,
        folder=work.store.path(digest),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        facts={"origin": found.origin},
    )
