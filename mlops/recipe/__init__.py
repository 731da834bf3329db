"""Compose with Hydra, validate, freeze: the only package that imports hydra and omegaconf."""

from __future__ import annotations

from collections.abc import Sequence

from mlops.catalog import Catalog
from mlops.errors import RecipeError
from mlops.plugins import Plugins
from mlops.recipe.model import Head, Options, Recipe, Section, Sketch, Verdict

__all__ = ["Head", "Options", "Recipe", "Section", "Sketch", "Verdict", "appraise", "load"]


def appraise(catalog: Catalog, plugins: Plugins, overrides: Sequence[str]) -> Verdict:
    """Compose and validate a recipe; what is right of a wrong one is kept, to look for further mistakes."""
    from mlops.recipe.composition import compose
    from mlops.recipe.validation import judge_recipe

    return judge_recipe(compose(catalog, overrides), catalog, plugins, overrides=overrides)


def load(catalog: Catalog, plugins: Plugins, overrides: Sequence[str]) -> Recipe:
    """Compose and validate a recipe.

    Raises:
        RecipeError: it has mistakes; all of them are listed.
    """
    verdict = appraise(catalog, plugins, overrides)
    if verdict.recipe is None:
        raise RecipeError(verdict.name, verdict.faults)
    return verdict.recipe
