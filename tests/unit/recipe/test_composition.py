from __future__ import annotations

from typing import Any

import pytest

from mlops.catalog import Catalog
from mlops.project import Project
from mlops.recipe.composition import Composition, compose
from tests.conftest import Files

FILES = {
    "conf/model/tree.yaml": "kind: tree\nleaves: 3\n",
    "conf/model/line.yaml": "kind: line\nslope: 2\n",
    "conf/data/csv.yaml": "path: a.csv\ncolumns: [a, b]\n",
    "recipes/base.yaml": "defaults:\n  - data: csv\n  - model: tree\nseed: 1\nstages: [data]\nmodel: {leaves: 4}\n",
    "recipes/x.yaml": "defaults:\n  - base\n  - override model: line\ndata: {columns: [c]}\n",
}


@pytest.fixture
def files(project: Files) -> Files:
    project.write(FILES)
    return project


def composed(files: Files, *overrides: str) -> Composition:
    return compose(Catalog(Project(files.root)), overrides)


def values(files: Files, *overrides: str) -> dict[str, Any]:
    result = composed(files, *overrides)
    assert result.faults == []
    return {key: value for key, value in result.raw.items() if key != "executor"}


def test_recipe_extends_a_recipe_and_changes_its_choice(files: Files) -> None:
    assert values(files, "recipe=x") == {
        "description": "",
        "seed": 1,
        "stages": ["data"],
        "data": {"path": "a.csv", "columns": ["c"]},
        "model": {"kind": "line", "slope": 2, "leaves": 4},
    }


def test_overrides_choose_set_add_and_remove(files: Files) -> None:
    found = values(
        files,
        "recipe=x",
        "model=tree",
        "model.leaves=5",
        "+data.deep.er=1",
        "~data.path",
        "data.columns.0=z",
        "~seed=1",
    )
    assert found["model"] == {"kind": "tree", "leaves": 5}
    assert found["data"] == {"columns": ["z"], "deep": {"er": 1}}
    assert "seed" not in found


def test_group_is_left_out(files: Files) -> None:
    assert values(files, "recipe=x", "~model")["model"] == {"leaves": 4}


def test_group_goes_to_another_section(files: Files) -> None:
    assert values(files, "recipe=x", "+model@second=tree")["second"] == {"kind": "tree", "leaves": 3}


def test_mapping_override_merges_and_list_override_replaces(files: Files) -> None:
    found = values(files, "recipe=x", "model={slope: 9}", "data.columns=[]")
    assert found["model"] == {"kind": "line", "slope": 9, "leaves": 4}
    assert found["data"]["columns"] == []


def test_key_that_is_null_becomes_a_section(files: Files) -> None:
    files.write({"conf/data/csv.yaml": "rows: null\n"})
    assert values(files, "recipe=x", "data.rows.min=3")["data"]["rows"] == {"min": 3}


def test_settings_are_kept_first_to_last(files: Files) -> None:
    result = composed(files, "recipe=x", "model.leaves=6")
    assert [(s.value, str(s.place)) for s in result.settings if s.path == ("model", "leaves")] == [
        (4, "recipes/base.yaml:6:9"),
        (6, "override 2 on the command line"),
    ]
    assert [str(s.place) for s in result.settings if s.path == ("model",)] == [
        "conf/model/line.yaml:1:1",
        "recipes/base.yaml:6:1",
    ]


def test_package_header_puts_a_file_elsewhere(files: Files) -> None:
    files.write({"conf/model/line.yaml": "# @package fit.method\nslope: 2\n"})
    assert values(files, "recipe=x")["fit"] == {"method": {"slope": 2}}


def test_recipe_in_a_folder_is_composed(files: Files) -> None:
    files.write({"recipes/team/y.yaml": "defaults: [/recipe/base]\nseed: 5\n"})
    assert values(files, "recipe=team/y")["seed"] == 5


def test_optional_choice_may_be_missing(files: Files) -> None:
    files.write({"recipes/x.yaml": "defaults:\n  - optional model: none_such\nstages: [a]\n"})
    assert "model" not in values(files, "recipe=x")


def test_open_choice_is_made_on_the_command_line(files: Files) -> None:
    files.write({"recipes/x.yaml": "defaults:\n  - model: ???\nstages: [a]\n"})
    assert values(files, "recipe=x", "model=tree")["model"] == {"kind": "tree", "leaves": 3}
    (fault,) = composed(files, "recipe=x").faults
    assert (fault.key, fault.where) == ("defaults.model", "recipes/x.yaml:2:5")
    assert "model" in fault.fix


def test_choice_may_name_another(files: Files) -> None:
    files.write({"recipes/x.yaml": "defaults:\n  - data: csv\n  - model: ${data}_tree\nstages: [a]\n"})
    files.write({"conf/model/csv_tree.yaml": "kind: both\n"})
    assert values(files, "recipe=x")["model"] == {"kind": "both"}


def test_broken_files_are_all_reported_and_remembered(files: Files) -> None:
    files.write({"conf/model/line.yaml": "a: [1", "conf/data/csv.yaml": "a: 1\na: 2\n"})
    result = composed(files, "recipe=x")
    assert {(fault.key, fault.where) for fault in result.faults} == {
        ("", "conf/model/line.yaml:1:4"),
        ("data.a", "conf/data/csv.yaml:2:1"),
    }
    assert result.unknown == frozenset({("model",)})
    assert not result.incomplete


def test_broken_recipe_leaves_everything_unknown(files: Files) -> None:
    files.write({"recipes/base.yaml": "a: ["})
    assert composed(files, "recipe=x").incomplete


def test_file_is_composed_once_though_two_extend_it(files: Files) -> None:
    files.write({"recipes/b1.yaml": "defaults: [base]\n", "recipes/x.yaml": "defaults: [b1, base]\nseed: 2\n"})
    result = composed(files, "recipe=x")
    assert all("circle" not in fault.message for fault in result.faults)
