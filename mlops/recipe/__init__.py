"""Compose with Hydra, validate, freeze: the only package that imports hydra and omegaconf."""

from __future__ import annotations

from collections.abc import Sequence

from mlops.catalog import Catalog
from mlops.errors import Fault, RecipeError
from mlops.plugins import Plugins
from mlops.recipe.model import Head, Options, Recipe, Section

__all__ = ["Head", "Options", "Recipe", "Section", "examine", "load"]


def examine(catalog: Catalog, plugins: Plugins, overrides: Sequence[str]) -> tuple[Recipe | None, list[Fault], str]:
    """Compose and validate a recipe.

    Returns:
        The recipe or None, every fault, and the recipe's name as far as it is known.
    """
    from mlops.recipe.composition import compose
    from mlops.recipe.validation import validate

    composition = compose(catalog, overrides)
    recipe, faults = validate(composition, catalog, plugins, overrides=overrides)
    return recipe, faults, composition.recipe


def load(catalog: Catalog, plugins: Plugins, overrides: Sequence[str]) -> Recipe:
    """Compose and validate a recipe.

    Raises:
        RecipeError: it has mistakes; all of them are listed.
    """
    recipe, faults, name = examine(catalog, plugins, overrides)
    if recipe is None:
        raise RecipeError(name or "?", faults)
    return recipe
