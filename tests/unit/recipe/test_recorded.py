"""The resolved recipe that a run kept, read again."""

from __future__ import annotations

import pytest

from mlops.errors import RecipeError
from mlops.recipe.recorded import restore
from mlops.workspace import Workspace
from tests.conftest import Files


def again(text: str) -> object:
    work = Workspace.here()
    return restore(text, "x", where="recipe.yaml", catalog=work.catalog, plugins=work.plugins)


@pytest.mark.parametrize("recipe", ["churn", "flights"])
def test_a_packaged_recipe_is_the_same_after_it_was_kept(project: Files, recipe: str) -> None:
    work = Workspace.here()
    composed = work.recipe([f"recipe={recipe}"])
    found = restore(composed.document, recipe, where="recipe.yaml", catalog=work.catalog, plugins=work.plugins)
    assert found.values == composed.values
    assert [section.parameters for section in found.sections] == [section.parameters for section in composed.sections]
    assert [section.stage for section in found.sections] == [section.stage for section in composed.sections]


def test_a_recipe_that_no_longer_fits_names_the_place_in_the_kept_file(project: Files) -> None:
    with pytest.raises(RecipeError, match="mistake") as caught:
        again("stages: [data]\ndata:\n  _target_: mlops_polars.data.Data\n  path: x.csv\n  lost: 1\n")
    assert "recipe.yaml:5:3: data.lost" in str(caught.value)


def test_a_kept_file_that_is_no_yaml_is_refused(project: Files) -> None:
    with pytest.raises(RecipeError, match="1 mistake in recipe x"):
        again("stages: [\n")
