"""Which stages of a recipe the searched values have a say in, and what tells one search from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlops.plan.ingredients import Measurer
from mlops.plan.wiring import wire
from mlops.project import Project
from mlops.recipe import Recipe, Search, Section
from mlops.recipe.ranges import SECTION

__all__ = ["SearchScope", "identity", "scope_of_search"]

_VERSION = 1
_OUTCOME_NEUTRAL = frozenset({"space", "trials", "budget", "concurrency", "ensemble", "candidates"})
"""Keys of the section that may change while what was found stays true."""


@dataclass(frozen=True)
class SearchScope:
    """The stages of a search, in reading order."""

    shared: tuple[str, ...]
    """Run once, for all trials."""

    tried: tuple[str, ...]
    """Run by every trial."""

    below: frozenset[str]
    """Everything that depends on a searched value, trials or not."""


def scope_of_search(recipe: Recipe, search: Search) -> SearchScope:
    """Find the stages that differ between the ends of the ranges, and those below them."""
    base = {section.name: section for section in recipe.sections}
    touched = {
        section.name
        for other in search.variants
        for section in other.sections
        if section.name not in base or _differs(base[section.name], section)
    }
    wiring = wire(recipe)
    order = [section.name for section in recipe.sections]
    below = {name for name in order if name in touched or wiring.ancestors(name) & touched}
    until = search.searcher.until
    needed = [name for name in order if name == until or name in wiring.ancestors(until)]
    shared = tuple(name for name in needed if name not in below)
    return SearchScope(shared, tuple(name for name in needed if name in below), frozenset(below))


def _differs(a: Section, b: Section) -> bool:
    return (a.target, a.parameters, a.options) != (b.target, b.parameters, b.options)


def identity(project: Project, recipe: Recipe, search: Search) -> str:
    """Digest all that decides what trials find: the stages with their code, libraries and data, the space, the aim."""
    searcher = search.searcher
    section = recipe.values[SECTION]
    aim = {key: value for key, value in section.items() if key not in _OUTCOME_NEUTRAL}
    aim["until"], aim["metric"] = searcher.until, searcher.metric
    text = json.dumps(
        [_VERSION, aim, [parameter.to_json() for parameter in search.space], list(_made_of(project, recipe, search))],
        sort_keys=True,
        default=str,
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _made_of(project: Project, recipe: Recipe, search: Search) -> Iterator[Any]:
    """Give what every stage that a trial needs is made of, with each choice of sections."""
    wanted = {search.searcher.until, *wire(recipe).ancestors(search.searcher.until)}
    seen: list[Section] = []
    for variant in (recipe, *_choices(search)):
        measurer = Measurer(project, variant)
        for section in variant.sections:
            if section.name in wanted and not any(_same(section, other) for other in seen):
                seen.append(section)
                yield [section.name, measurer.measure(section).to_json()]
        measurer.save()


def _same(a: Section, b: Section) -> bool:
    return a.name == b.name and not _differs(a, b)


def _choices(search: Search) -> Iterator[Recipe]:
    """Give one variant for each set of classes that take part."""
    seen: set[tuple[Any, ...]] = set()
    for variant in search.variants:
        classes = tuple((section.target, section.parts) for section in variant.sections)
        if classes not in seen:
            seen.add(classes)
            yield variant
