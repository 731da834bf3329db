"""What `mlops deploy` is asked for, read from its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from mlops.catalog import near
from mlops.errors import ProjectError

__all__ = ["KEYS", "Request"]

KEYS = {
    "model": "a registered model: NAME, NAME@champion, NAME@3, NAME@latest; or a bundle's folder",
    "bundle": "a bundle's folder, or a recipe whose last finished run made one; it need not be registered",
    "recipe": "a recipe whose target, strategy and registry are taken; further words are its overrides",
    "version": "with recipe: a number, champion, challenger or latest",
    "deployment": "what the deployment is called (default: the model's name)",
    "target": "where to, a choice of the group target (default: what the deployment has, or local); target.KEY=VALUE",
    "strategy": "how, a choice of the group strategy (default direct); strategy.KEY=VALUE",
    "registry": "a choice of the group registry (default mlflow)",
}
_SOURCES = ("model", "bundle", "recipe")
_GROUPS = ("target", "strategy")


@dataclass(frozen=True)
class Request:
    """Which version is to go where, and how."""

    source: str
    """model, bundle or recipe."""

    wanted: str
    version: str = ""
    deployment: str = ""
    target: str = ""
    """A choice of the group; empty for what the deployment has, or local."""

    strategy: str = "direct"
    registry: str = "mlflow"
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Group → dotted key → value."""

    overrides: tuple[str, ...] = ()
    """Of the recipe, where one is meant."""

    @classmethod
    def read(cls, words: Sequence[str]) -> Request:
        """Read words such as ``model=flights@3 strategy=canary strategy.bake=1m``.

        Raises:
            ProjectError: something is missing, given twice or not known.
        """
        given: dict[str, str] = {}
        for word in words:
            key, mark, value = word.partition("=")
            if not mark or (key in given and key in KEYS):
                raise ProjectError(f"{word!r} is given twice" if mark else f"{word!r} is not KEY=VALUE", fix=_example())
            given[key] = value
        sources = [key for key in _SOURCES if given.get(key)]
        if len(sources) != 1:
            said = f"{' and '.join(sources)} cannot go together" if sources else "it is not said what to deploy"
            raise ProjectError(said, fix=_example())
        return cls._of_recipe(given, words) if sources == ["recipe"] else cls._of_model(given, sources[0])

    @classmethod
    def _of_recipe(cls, given: Mapping[str, str], words: Sequence[str]) -> Request:
        own = ("version", "deployment")
        overrides = tuple(word for word in words if word.partition("=")[0] not in own)
        chosen = {key: given[key] for key in own if key in given}
        return replace(cls("recipe", given["recipe"], overrides=overrides), **chosen)  # type: ignore[arg-type] # texts

    @classmethod
    def _of_model(cls, given: Mapping[str, str], source: str) -> Request:
        keys: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
        chosen: dict[str, str] = {}
        for key, value in given.items():
            group, _, inner = key.partition(".")
            if inner and group in _GROUPS:
                keys[group][inner] = _value(key, value)
            elif key in KEYS and key not in ("recipe", "version", source):
                chosen[key] = value
            elif key != source:
                raise ProjectError(f"{key!r} is not known", fix=near(key, list(KEYS), what="keys are"))
        wanted, _, version = given[source].partition("@") if source == "model" else (given[source], "", "")
        return replace(cls(source, wanted, version=version, keys=keys), **chosen)  # type: ignore[arg-type] # texts


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ProjectError(f"the value of {key} cannot be read: {text!r}", fix="write it as in YAML") from exc


def _example() -> str:
    return "mlops deploy model=NAME[@VERSION] [deployment=NAME] [strategy=canary]; mlops deploy --help lists the keys"
