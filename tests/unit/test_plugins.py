from __future__ import annotations

import sys

import pytest

from mlops.plugins import FIRST_PARTY, Plugins, TargetRefused
from mlops.stage import Part, Stage
from tests.conftest import Files


@pytest.fixture
def plugins(project: Files) -> Plugins:
    return Plugins(project.root / "plugins")


def test_class_of_the_project_is_found(plugins: Plugins) -> None:
    assert plugins.resolve("toy.Make", Stage).__name__ == "Make"
    assert plugins.resolve("toy.Make", Part) is plugins.resolve("toy.Make", Stage)


def test_class_in_a_package_of_the_project_is_found(project: Files, plugins: Plugins) -> None:
    project.write({"plugins/pack/inner/deep.py": "from mlops.stage import Part\nclass Thing(Part): ...\n"})
    assert plugins.resolve("pack.inner.deep.Thing", Part).__name__ == "Thing"


def test_plugins_are_searched_last(plugins: Plugins) -> None:
    plugins.resolve("toy.Make", Stage)
    assert sys.path[-1] == str(plugins.folder)


@pytest.mark.parametrize(
    ("target", "message", "fix"),
    [
        ("tyo.Make", "the package 'tyo' is not trusted", "did you mean 'toy'?"),
        ("toy.Meke", "toy has no 'Meke'", "did you mean 'Make'?"),
        ("mlops_polars.dat.Data", "there is no module 'mlops_polars.dat'", "did you mean 'mlops_polars.data'?"),
        ("toy.inner.Make", "there is no module 'toy.inner'", "did you mean 'toy'?"),
        ("toy.Line", "toy.Line is not a Stage", "name a subclass of mlops.stage.Stage"),
        ("Make", "'Make' is not a dotted name", "write package.module.Class"),
    ],
)
def test_refusal_says_what_was_meant(plugins: Plugins, target: str, message: str, fix: str) -> None:
    with pytest.raises(TargetRefused) as caught:
        plugins.resolve(target, Stage)
    assert message in caught.value.what
    assert fix in caught.value.fix


def test_abstract_class_is_refused(plugins: Plugins) -> None:
    with pytest.raises(TargetRefused, match=r"toy\.Method is abstract: it has no fit"):
        plugins.resolve("toy.Method", Part)


def test_missing_library_is_named(project: Files, plugins: Plugins) -> None:
    project.write({"plugins/needy.py": "import not_installed_anywhere.deep\n"})
    with pytest.raises(TargetRefused) as caught:
        plugins.resolve("needy.Make", Stage)
    assert caught.value.fix == "install not_installed_anywhere, or see how it is spelt"


def test_stages_are_listed_by_target_abstract_ones_left_out(plugins: Plugins) -> None:
    found = dict(plugins.parts(Part))
    assert {"toy.Make", "toy.Line", "mlops_polars.data.Data"} <= set(found)
    assert "toy.Method" not in found


def test_plugin_that_cannot_be_imported_is_left_out_of_the_list(project: Files, plugins: Plugins) -> None:
    project.write({"plugins/broken.py": "1/0\n", "plugins/json.py": "1/0\n"})
    assert "toy.Make" in dict(plugins.parts(Stage))


def test_trusted_are_ours_and_the_projects(plugins: Plugins) -> None:
    assert set(plugins.trusted()) >= {*FIRST_PARTY, "toy"}


def test_project_without_plugins_trusts_ours_alone(project: Files) -> None:
    assert Plugins(project.root / "nowhere").project_packages() == ()
