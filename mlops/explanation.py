"""One key of a recipe explained: value, type, limits, meaning, and every place that set it, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from mlops.catalog import near
from mlops.describe import FieldWords, field_at, fields, one_line
from mlops.errors import ProjectError
from mlops.origin import KeyPath, Setting, dotted
from mlops.recipe import Head, Options, Recipe
from mlops.stage import Part

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """What is known of one key."""

    key: str
    value: Any
    words: FieldWords | None
    about: str
    settings: tuple[Setting, ...]
    keys: tuple[FieldWords, ...] = ()
    """The keys inside, when it is a section."""

    def to_json(self) -> dict[str, Any]:
        """Give the machine-readable form."""
        words = self.words
        return {
            "key": self.key,
            "value": self.value,
            "type": words.type if words else None,
            "limits": words.limits if words else None,
            "default": words.default if words and not words.required else None,
            "description": words.description if words else self.about,
            "set": [{"where": str(s.place), "value": s.value} for s in self.settings],
        }


def explain(recipe: Recipe, key: str) -> Explanation:
    """Explain a dotted key of a recipe.

    Raises:
        ProjectError: the recipe has no such key, and none could be set there.
    """
    path = recipe.origins.follow(tuple(key.split(".")))
    owner, inner = _owner(recipe, path)
    words = field_at(owner, inner) if owner and inner else None
    found, value = _value(recipe.values, path)
    if not found and words is None:
        known = sorted({dotted(p) for p in recipe.origins.paths()})
        raise ProjectError(f"the recipe {recipe.name!r} has no key {key!r}", fix=near(key, known, what="try"))
    if not found and words is not None:
        value = words.default
    about = one_line(owner) if owner and not inner else ""
    inside = tuple(fields(owner)) if owner and not inner else ()
    return Explanation(dotted(path), value, words, about, tuple(recipe.origins.settings(path)), inside)


def _owner(recipe: Recipe, path: KeyPath) -> tuple[type[BaseModel] | None, KeyPath]:
    """Find the model that a key belongs to, and the rest of the path below it."""
    if path[0] in Head.model_fields:
        return Head, path
    section = next((s for s in recipe.sections if s.name == path[0]), None)
    if section is not None:
        if len(path) > 1 and path[1] in Options.model_fields:
            return Options, path[1:]
        return type(section.stage), path[1:]
    part = _part_at(recipe, path[0])
    return (type(part), path[1:]) if part is not None else (None, path)


def _part_at(recipe: Recipe, name: str) -> Part | None:
    if name == "executor":
        return recipe.executor
    for section in recipe.sections:
        for field in type(section.stage).model_fields:
            if recipe.origins.follow((section.name, field, "_"))[0] == name:
                part = getattr(section.stage, field)
                return part if isinstance(part, Part) else None
    return None


def _value(values: Any, path: KeyPath) -> tuple[bool, Any]:
    for key in path:
        if isinstance(values, Mapping) and key in values:
            values = values[key]
        elif isinstance(values, list) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        else:
            return False, None
    return True, values
