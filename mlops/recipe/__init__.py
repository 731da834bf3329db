"""Compose with Hydra, validate, freeze: the only package that imports hydra and omegaconf."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops.catalog import Catalog
from mlops.errors import RecipeError
from mlops.plugins import Plugins
from mlops.recipe.model import Head, Options, Recipe, Search, Section, Sketch, Verdict

__all__ = ["Head", "Options", "Recipe", "Search", "Section", "Sketch", "Verdict", "appraise", "load", "prepare"]


def appraise(
    catalog: Catalog, plugins: Plugins, overrides: Sequence[str], found: Mapping[str, Any] | None = None
) -> Verdict:
    """Compose and validate a recipe; what is right of a wrong one is kept, to look for further mistakes.

    Args:
        catalog: the config files.
        plugins: the trusted packages.
        overrides: the command line.
        found: what a search found, to be put in place of the ranges; they are still to be searched when None.
    """
    return prepare(catalog, plugins, overrides)(found)


def prepare(
    catalog: Catalog, plugins: Plugins, overrides: Sequence[str]
) -> Callable[[Mapping[str, Any] | None], Verdict]:
    """Compose a recipe once, to be validated with one set of found values after another; see `appraise`."""
    from mlops.recipe.composition import compose
    from mlops.recipe.ranges import SECTION, marks_of
    from mlops.recipe.validation import judge_recipe

    composition = compose(catalog, overrides)
    marks = marks_of(composition.raw)
    if not marks and not composition.raw.get(SECTION):
        return lambda _: judge_recipe(composition, catalog, plugins, overrides=overrides)
    from mlops.recipe.searched import Wanted, judge_searched, settled

    wanted = Wanted.of(catalog, plugins, overrides, composition=composition, marks=marks)
    return lambda found: judge_searched(wanted) if found is None else settled(wanted, found)


def load(catalog: Catalog, plugins: Plugins, overrides: Sequence[str]) -> Recipe:
    """Compose and validate a recipe.

    Raises:
        RecipeError: it has mistakes; all of them are listed.
    """
    verdict = appraise(catalog, plugins, overrides)
    if verdict.recipe is None:
        raise RecipeError(verdict.name, verdict.faults)
    return verdict.recipe
