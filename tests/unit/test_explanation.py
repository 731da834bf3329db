from __future__ import annotations

import json

import pytest

from mlops.cli import main
from mlops.errors import ProjectError
from mlops.explanation import Explanation, explain
from tests.conftest import Files

BASE = """
defaults:
  - method: line
stages: [make, fit]
make:
  _target_: toy.Make
  rows: 3
fit:
  _target_: toy.Fit
  method: ${method}
  more:
    - {_target_: toy.Forest, trees: 3}
"""
X = """
defaults:
  - base
  - override method: forest
make: {rows: 4, look: {depth: 2}}
method: {trees: 7}
"""


def explained(project: Files, key: str, *overrides: str) -> Explanation:
    project.write(
        {
            "recipes/base.yaml": BASE.lstrip(),
            "conf/method/line.yaml": "_target_: toy.Line\nslope: 2.0\n",
            "conf/method/forest.yaml": "_target_: toy.Forest\ntrees: 2\n",
        }
    )
    return explain(project.recipe(X.lstrip(), *overrides), key)


def test_every_place_that_set_a_key_is_shown_in_order(project: Files) -> None:
    found = explained(project, "make.rows", "make.rows=5")
    assert [(str(setting.place), setting.value) for setting in found.settings] == [
        ("recipes/base.yaml:6:3", 3),
        ("recipes/x.yaml:4:8", 4),
        ("override 2 on the command line", 5),
    ]
    assert found.value == 5


@pytest.mark.parametrize("key", ["method.trees", "fit.method.trees"])
def test_group_file_recipe_and_reference_lead_to_one_key(project: Files, key: str) -> None:
    found = explained(project, key)
    assert [str(setting.place) for setting in found.settings] == ["conf/method/forest.yaml:2:1", "recipes/x.yaml:5:10"]
    assert (found.key, found.value) == ("method.trees", 7)
    assert found.words is not None
    assert (found.words.type, found.words.limits, found.words.required) == ("whole number", "≥ 1", True)
    assert found.words.description == "How many."


def test_section_is_explained_with_its_keys(project: Files) -> None:
    found = explained(project, "method")
    assert found.about == "Many trees."
    assert [field.name for field in found.keys] == ["trees"]
    assert [str(setting.place) for setting in found.settings] == ["conf/method/forest.yaml:1:1", "recipes/x.yaml:5:1"]


@pytest.mark.parametrize(
    ("key", "value", "type_"),
    [
        ("make.look.colour", "red", "one of red, green, blue"),
        ("make.look", {"depth": 2}, "section (Look)"),
        ("make.kind", "plain", "one of plain, fancy"),
        ("fit.more.0.trees", 3, "whole number"),
        ("fit.more[0].trees", 3, "whole number"),
        ("make.timeout", None, "number or null"),
        ("seed", 0, "whole number"),
        ("executor.cpus", None, "whole number or null"),
    ],
)
def test_value_and_type_are_found_at_any_depth_set_or_not(project: Files, key: str, value: object, type_: str) -> None:
    found = explained(project, key)
    assert found.value == value
    assert found.words is not None
    assert found.words.type == type_


@pytest.mark.parametrize(
    ("key", "fix"),
    [("make.rowz", "did you mean 'make.rows'?"), ("sed", "did you mean 'seed'?"), ("fit.mthod", "'fit.method'")],
)
def test_unknown_key_is_refused_with_a_suggestion(project: Files, key: str, fix: str) -> None:
    with pytest.raises(ProjectError) as caught:
        explained(project, key)
    assert fix in caught.value.fix


def test_removed_key_shows_who_removed_it(project: Files) -> None:
    found = explained(project, "make.rows", "~make.rows")
    assert (found.value, str(found.settings[-1].place)) == (3, "override 2 on the command line")


def test_secret_is_shown_as_a_reference(
    project: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TITLE", "hunter22")
    explained(project, "make.title", "make.title='${oc.env:TITLE}'")
    assert main(["explain", "make.title", "recipe=x", "make.title='${oc.env:TITLE}'"]) == 0
    assert main(["explain", "--json", "make", "recipe=x", "make.title='${oc.env:TITLE}'"]) == 0
    shown = capsys.readouterr()
    assert "hunter22" not in shown.out + shown.err
    assert "${oc.env:TITLE}" in shown.out


def test_command_line_prints_text_and_json(project: Files, capsys: pytest.CaptureFixture[str]) -> None:
    explained(project, "seed")
    assert main(["explain", "make.rows", "recipe=x", "make.rows=5"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "make.rows = 5",
        "  whole number, > 0, ≤ 1000; default 3",
        "  How many rows.",
        "set, in order:",
        "  recipes/base.yaml:6:3  3",
        "  recipes/x.yaml:4:8  4",
        "  override 2 on the command line  5  ← in force",
    ]
    assert main(["explain", "make.look", "recipe=x", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["value"], report["default"]) == ({"depth": 2}, {"colour": "red", "depth": 1})
    assert report["set"] == [{"where": "recipes/x.yaml:4:17", "value": {"depth": 2}}]
