"""Ranges to be searched: found in a composed recipe, inline and under ``tune.space``, and filled with values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from mlops.origin import KeyPath, Origins, Setting, dotted, key_path
from mlops.recipe.composition import Composition
from mlops.recipe.merging import put
from mlops.services.space import KINDS, MARK, Choice, Parameter, Range, active, is_mark
from mlops.yaml_node import Place

__all__ = ["SECTION", "Filling", "Mark", "fill", "filled", "marks_of", "space_of"]

SECTION = "tune"
"""The section that says how to search."""


@dataclass(frozen=True)
class Mark:
    """A range as it is written."""

    key: str
    """Dotted key that it is for."""

    path: KeyPath
    """Where it stands."""

    given: Any
    when: tuple[str, Any] | None = None

    @property
    def is_inline(self) -> bool:
        """Whether it stands where its value is wanted."""
        return self.path[0] != SECTION

    @property
    def kind(self) -> type[Range] | None:
        """Its class, when there is one of that name."""
        return KINDS.get(str(self.given[MARK])) if isinstance(self.given, Mapping) and MARK in self.given else None

    @property
    def range(self) -> Range | None:
        """What it says; None when it is wrong."""
        try:
            return self.kind.model_validate(dict(self.given)) if self.kind else None
        except ValidationError:
            return None


def marks_of(raw: Mapping[str, Any]) -> list[Mark]:
    """Find every range of a composed recipe; one that stands inline hides one listed for the same key."""
    inline = [mark for name, value in raw.items() if name != SECTION for mark in _inline(value, (name,))]
    section = raw.get(SECTION)
    space = section.get("space") if isinstance(section, Mapping) else None
    hidden = {mark.key for mark in inline}
    listed = _listed(space, (SECTION, "space"), "", when=None) if isinstance(space, Mapping) else ()
    return [*inline, *(mark for mark in listed if mark.key not in hidden)]


def _inline(value: Any, path: KeyPath) -> Iterator[Mark]:
    if is_mark(value):
        yield Mark(dotted(path), path, value)
    elif isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from _inline(item, (*path, str(key)))


def _listed(space: Mapping[str, Any], path: KeyPath, prefix: str, *, when: tuple[str, Any] | None) -> Iterator[Mark]:
    """Walk a space; keys may be dotted or nested."""
    for name, value in space.items():
        key, here = f"{prefix}{name}", (*path, str(name))
        if isinstance(value, Mapping) and MARK not in value:
            yield from _listed(value, here, f"{key}.", when=when)
            continue
        yield Mark(key, here, value, when)
        below = value.get("values") if isinstance(value, Mapping) else None
        for choice, inner in below.items() if isinstance(below, Mapping) else ():
            if isinstance(inner, Mapping):
                yield from _listed(inner, (*here, "values", str(choice)), "", when=(key, choice))


def space_of(marks: list[Mark], *, groups: Collection[str], pinned: Mapping[str, str]) -> tuple[Parameter, ...]:
    """Make parameters of the ranges that are right.

    Args:
        marks: the ranges, each choice before what is searched below it.
        groups: names of the config groups.
        pinned: keys set on the command line, which are not searched, and the choices of groups among them.
    """
    found: list[Parameter] = []
    for mark in marks:
        made = mark.range
        if made is None or (mark.key in pinned and not mark.is_inline):
            continue
        when = mark.when
        if when is not None and when[0] in pinned:
            if str(when[1]) != pinned[when[0]]:
                continue
            when = None
        found.append(Parameter(mark.key, made, when, isinstance(made, Choice) and mark.key in groups))
    return tuple(found)


def fill(space: tuple[Parameter, ...], pick: Callable[[Parameter], Any]) -> dict[str, Any]:
    """Choose a value for every parameter that has a say."""
    values: dict[str, Any] = {}
    for parameter in space:
        if parameter in active(space, values):
            values[parameter.key] = pick(parameter)
    return values


@dataclass(frozen=True)
class Filling:
    """What is put where ranges stand."""

    values: Mapping[str, Any]
    """By key."""

    chosen: Mapping[str, Any]
    """Choices of config groups, made by the search or on the command line."""

    place: str = ""
    """What is said to have set the values; where the range is written when empty."""

    def has(self, mark: Mark) -> bool:
        """Tell whether there is a value for a range, and it has a say."""
        known = {**self.values, **self.chosen}
        fits = mark.when is None or str(known.get(mark.when[0])) == str(mark.when[1])
        return mark.key in self.values and mark.key not in self.chosen and fits


def filled(composition: Composition, marks: list[Mark], filling: Filling) -> Composition:
    """Put values where ranges are searched; of a range that is wrong nothing is known."""
    raw, settings, unknown = deepcopy(composition.raw), list(composition.settings), set(composition.unknown)
    origins = Origins(composition.settings, composition.raw)
    for mark in marks:
        path = mark.path if mark.is_inline else key_path(mark.key)
        at = origins.place(mark.path)
        if filling.has(mark):
            value = filling.values[mark.key]
            at = Place(filling.place) if filling.place else at
        elif mark.is_inline:
            value = None
            unknown.add(path)
        else:
            continue
        put(raw, path, value)
        settings.append(Setting(path, at, value))
    return replace(composition, raw=raw, settings=settings, faults=list(composition.faults), unknown=frozenset(unknown))
