"""One key of a recipe explained: value, type, limits, meaning, and every place that set it, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from mlops.catalog import near
from mlops.describe import FieldWords, field_at, fields, one_line
from mlops.errors import ProjectError
from mlops.origin import KeyPath, Setting, dotted, key_path
from mlops.recipe import Head, Options, Recipe
from mlops.recipe.ranges import fill
from mlops.services.space import MARK, Parameter
from mlops.yaml_node import Place

__all__ = ["Explanation", "Searched", "explain"]


@dataclass(frozen=True)
class Searched:
    """What a search found for a key so far."""

    value: Any
    """The best trial's value; None when there is none, or the key had no say in it."""

    trials: int
    """How many were made."""

    wanted: int
    finished: bool = False
    joined: bool = False
    """Whether an ensemble joins several trials, each with a value of its own."""


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

    ranges: tuple[Parameter, ...] = ()
    """What is searched for the key: one range, or one for each choice that has it."""

    found: Searched | None = None
    """What came of the search, for whoever can tell."""

    def with_found(self, found: Searched) -> Explanation:
        """Add what a search found; a finished one has set the key, unless every model of an ensemble has its own."""
        if not found.finished or found.joined or found.value is None:
            return replace(self, found=found)
        last = Setting(key_path(self.key), Place("the search"), found.value)
        return replace(self, found=found, value=found.value, settings=(*self.settings, last))

    def to_json(self) -> dict[str, Any]:
        """Give the machine-readable form."""
        words = self.words
        return {
            "key": self.key,
            "value": self.value,
            "type": words.type if words else None,
            "limits": words.limits if words else None,
            "default": _plain(words.default) if words and not words.required else None,
            "description": words.description if words else self.about,
            "set": [{"where": str(s.place), "value": s.value} for s in self.settings],
            **({"searched": [item.to_json() for item in self.ranges]} if self.ranges else {}),
            **({"found": dict(vars(self.found))} if self.found else {}),
        }


def explain(recipe: Recipe, key: str) -> Explanation:
    """Explain a dotted key of a recipe.

    Raises:
        ProjectError: the recipe has no such key, and none could be set there.
    """
    path = recipe.origins.follow(key_path(key))
    owner, inner = _owner(recipe, path)
    words = field_at(owner, inner) if owner and inner else None
    found, value = _value(recipe.values, path)
    if not found and words is None:
        raise _unknown(recipe, key, path)
    if not found and words is not None:
        value = words.default
    about = one_line(owner) if owner and not inner else ""
    inside = tuple(fields(owner)) if owner and not inner else ()
    ranges = _in_place(recipe)
    return Explanation(
        key=dotted(path),
        value=_plain(_with_ranges(recipe, path, value, ranges)),
        words=words,
        about=about,
        settings=_settings(recipe, path, ranges),
        keys=inside,
        ranges=tuple(item for item in _space(recipe) if item.key == dotted(path)),
    )


def _space(recipe: Recipe) -> tuple[Parameter, ...]:
    return recipe.search.space if recipe.search else ()


def _in_place(recipe: Recipe) -> dict[str, Any]:
    """Give key → range, as it would be written, of every key that a value stands in for until it is searched."""
    space = _space(recipe)
    filled = fill(space, lambda parameter: parameter.range.middle())
    return {item.key: _written(item) for item in reversed(space) if item.key in filled}


def _written(parameter: Parameter) -> dict[str, Any]:
    """Write a range as a person does: what kind it is comes first."""
    keys = parameter.range.model_dump(mode="json")
    return {MARK: keys.pop(MARK), **keys}


def _with_ranges(recipe: Recipe, path: KeyPath, value: Any, ranges: Mapping[str, Any]) -> Any:
    """Put ranges back in the place of values that only stand in for them."""
    name = dotted(recipe.origins.follow(path))
    if name in ranges:
        return ranges[name]
    if isinstance(value, Mapping):
        return {key: _with_ranges(recipe, (*path, str(key)), item, ranges) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_ranges(recipe, (*path, str(at)), item, ranges) for at, item in enumerate(value)]
    return value


def _settings(recipe: Recipe, path: KeyPath, ranges: Mapping[str, Any]) -> tuple[Setting, ...]:
    """List who set a key; the last one of a searched key is the range, and not what stands in for it."""
    settings = tuple(recipe.origins.settings(path))
    is_section = any(item.group for item in _space(recipe) if item.key == dotted(path))
    if dotted(path) not in ranges or not settings or is_section:
        return settings
    *before, last = settings
    if before and before[-1].place == last.place:
        before.pop()
    return (*before, replace(last, value=ranges[dotted(path)]))


def _unknown(recipe: Recipe, key: str, path: KeyPath) -> ProjectError:
    """Suggest a key that is set, or could be."""
    known = {dotted(p) for p in recipe.origins.paths()} | set(Head.model_fields)
    owner, _ = _owner(recipe, path)
    if owner is not None:
        known |= {dotted((*path[:-1], name)) for name in owner.model_fields}
    return ProjectError(
        f"the recipe {recipe.name!r} has no key {key!r}", fix=near(dotted(path), sorted(known), what="try")
    )


def _owner(recipe: Recipe, path: KeyPath) -> tuple[type[BaseModel] | None, KeyPath]:
    """Find the model that a key belongs to, and the rest of the path below it."""
    if not path or path[0] in Head.model_fields:
        return Head, path
    section = next((s for s in recipe.sections if s.name == path[0]), None)
    if section is not None and len(path) > 1 and path[1] in Options.model_fields:
        return Options, path[1:]
    classes = _classes(recipe)
    for depth in range(len(path), 0, -1):
        found, value = _value(recipe.values, path[:depth])
        target = value.get("_target_") if found and isinstance(value, Mapping) else None
        if target in classes:
            return classes[target], path[depth:]
    return None, path


def _classes(recipe: Recipe) -> dict[str, type[BaseModel]]:
    """Map the targets of a recipe to their classes."""
    parts = [part for section in recipe.sections for part in section.parts]
    found: dict[str, type[BaseModel]] = {f"{part.__module__}.{part.__name__}": part for part in parts}
    found.update({section.target: type(section.stage) for section in recipe.sections})
    executor = recipe.values.get("executor")
    if isinstance(executor, Mapping):
        found[str(executor.get("_target_"))] = type(recipe.executor)
    found.update({str(recipe.values[name].get("_target_")): type(part) for name, part in recipe.services.items()})
    return found


def _plain(value: Any) -> Any:
    """Give models and lists of them as the YAML that would make them."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _value(values: Any, path: KeyPath) -> tuple[bool, Any]:
    for key in path:
        if isinstance(values, Mapping) and key in values:
            values = values[key]
        elif isinstance(values, list) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        else:
            return False, None
    return True, values
