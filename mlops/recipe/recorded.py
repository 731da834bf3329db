"""The resolved recipe that a run kept → a recipe again."""

from __future__ import annotations

from collections.abc import Iterator

from mlops.catalog import Catalog
from mlops.errors import RecipeError
from mlops.origin import KeyPath, Setting
from mlops.plugins import Plugins
from mlops.recipe.composition import Composition
from mlops.recipe.model import Recipe
from mlops.recipe.validation import judge_recipe
from mlops.yaml_file import parse
from mlops.yaml_node import Node

__all__ = ["restore"]


def restore(text: str, name: str, *, where: str, catalog: Catalog, plugins: Plugins) -> Recipe:
    """Read a resolved recipe as a run wrote it down; secrets are taken from the environment again.

    Args:
        text: the YAML.
        name: the recipe's.
        where: name of the file, for messages.
        catalog: config files, for the executors that stages name.
        plugins: where targets are looked for.

    Raises:
        RecipeError: it cannot be read, or no longer fits the stages as they are now.
    """
    file = parse(text, where)
    if file.faults:
        raise RecipeError(name, file.faults)
    settings = list(_settings(file.root, ()))
    composed = Composition(raw=file.root.data(), settings=settings, recipe=name, recipe_file=where)
    verdict = judge_recipe(composed, catalog, plugins, overrides=())
    if verdict.recipe is None:
        raise RecipeError(name, verdict.faults)
    return verdict.recipe


def _settings(node: Node, path: KeyPath) -> Iterator[Setting]:
    for key, (place, child) in (node.items or {}).items():
        yield Setting((*path, key), place, child.data())
        yield from _settings(child, (*path, key))
