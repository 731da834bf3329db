"""Compose a recipe: Hydra orders the files, this module merges them and remembers who set what.

Hydra's defaults list and override grammar decide; mistakes are collected instead of raised, each
with its place, so that one report holds them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from mlops.catalog import RECIPE, Catalog
from mlops.errors import Fault
from mlops.origin import KeyPath, Setting
from mlops.recipe.merging import amend, merge_files
from mlops.recipe.order import order
from mlops.recipe.overrides import parse_overrides
from mlops.recipe.survey import survey
from mlops.yaml_node import Place

__all__ = ["Composition", "compose"]


@dataclass
class Composition:
    """A composed recipe before validation: merged values, who set them, and what is wrong so far."""

    raw: dict[str, Any] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    recipe: str = ""
    recipe_file: str = ""
    """The recipe's file as shown to people."""

    unknown: frozenset[KeyPath] = frozenset()
    """Sections whose content could not be read, so that nothing is said of what is in them."""

    incomplete: bool = False
    """Whether a file that may set any key could not be read, so that nothing is said to be missing."""


def compose(
    catalog: Catalog, texts: Sequence[str], choices: Mapping[str, tuple[str, Place]] = MappingProxyType({})
) -> Composition:
    """Compose the recipe that the overrides name; never raises for a mistake in a recipe.

    Args:
        catalog: the config files.
        texts: overrides of the command line.
        choices: group → what is chosen of it beside those, and who says so.
    """
    parsed = parse_overrides(texts, catalog)
    for group, (name, place) in choices.items():
        more = parse_overrides([f"{group}={name}"], catalog)
        parsed.given += [replace(item, place=place) for item in more.given]
        parsed.faults += [replace(fault, where=str(place)) for fault in more.faults]
        parsed.unknown |= more.unknown
    result = Composition(faults=parsed.faults)
    given = [item for item in parsed.given if not item.override.is_hydra_override()]
    chosen = {item.key: item.choice for item in given if item.is_choice and not item.override.is_delete()}
    result.recipe = chosen.get(RECIPE, "")
    if not result.recipe:
        if not any(fault.key == RECIPE for fault in result.faults):
            result.faults.append(_no_recipe(catalog))
        return result
    surveyed = survey(catalog, chosen)
    ordered = order(catalog, given, surveyed)
    if ordered is not None:
        merge_files(ordered, catalog, result.raw, into=result.settings)
    result.faults += surveyed.faults
    for item in given:
        if not item.is_choice and (fault := amend(item, result.raw, into=result.settings)):
            result.faults.append(fault)
    file = catalog.load(f"{RECIPE}/{result.recipe}")
    result.recipe_file = file.name if file else ""
    result.unknown = frozenset(path for path in (*parsed.unknown, *surveyed.unknown) if path)
    result.incomplete = surveyed.incomplete
    return result


def _no_recipe(catalog: Catalog) -> Fault:
    fix = f"add recipe=NAME; recipes are {', '.join(catalog.recipes())}"
    return Fault(RECIPE, "the command line", "no recipe was named", fix)
