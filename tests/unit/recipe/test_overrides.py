from __future__ import annotations

import pytest

from mlops.catalog import Catalog
from mlops.project import Project
from mlops.recipe.overrides import Parsed, parse_overrides
from tests.conftest import Files


def parse(project: Files, *texts: str) -> Parsed:
    project.write({"conf/model/tree.yaml": "{}", "conf/model/line.yaml": "{}", "recipes/x.yaml": "{}"})
    return parse_overrides(texts, Catalog(Project(project.root)))


def test_values_and_choices_are_told_apart(project: Files) -> None:
    parsed = parse(project, "recipe=x", "model=tree", "model.leaves=3", "model={leaves: 3}", "~a", "+a.b=c")
    assert parsed.faults == []
    assert [(g.key, g.is_choice) for g in parsed.given] == [
        ("recipe", True),
        ("model", True),
        ("model.leaves", False),
        ("model", False),
        ("a", False),
        ("a.b", False),
    ]


def test_places_count_from_one(project: Files) -> None:
    assert [str(g.place) for g in parse(project, "a=1", "b=2").given] == [
        "override 1 on the command line",
        "override 2 on the command line",
    ]


@pytest.mark.parametrize(
    ("text", "key", "message", "fix"),
    [
        ("make.rows", "make.rows", "it has no '='", "write key=value"),
        ("=3", "=3", "it names no key", "write key=value"),
        ("a=(", "a", "is not an override", "quote the value: 'a=\"(\"'"),
        ("a=1,2", "a", "'1,2' is a sweep over several values", "to try each, add -m; for a list, write a=[1,2]"),
        ("a=range(1,3)", "a", "is a sweep", "add -m"),
        ("model=tree,line", "model", "is a sweep", "to try each, add -m"),
        ("model=tre", "model", "there is no model 'tre'", "did you mean 'tree'?"),
        ("model=[tree,line]", "model", "takes the name of one choice", "write model=NAME"),
        ("model=null", "model", "takes the name of one choice", "to leave it out, write ~model"),
        ("model=true", "model", "there is no model 'true'", "did you mean 'tree'?"),
        ("recipe=y", "recipe", "there is no recipe 'y'", "recipes are"),
        ("recipe=null", "recipe", "there is no recipe 'null'", "recipes are"),
    ],
)
def test_mistakes_are_told_with_their_fix(project: Files, text: str, key: str, message: str, fix: str) -> None:
    (fault,) = parse(project, text).faults
    assert (fault.key, fault.where) == (key, "override 1 on the command line")
    assert message in fault.message
    assert fix in fault.fix


def test_one_mistake_does_not_hide_another(project: Files) -> None:
    parsed = parse(project, "a", "model=tre", "b=1", "c=1,2")
    assert [fault.key for fault in parsed.faults] == ["a", "model", "c"]
    assert [g.key for g in parsed.given] == ["b"]


def test_what_a_faulty_override_would_have_set_is_unknown(project: Files) -> None:
    assert parse(project, "model=tre", "a.b=(").unknown == {("model",), ("a", "b")}


def test_group_is_chosen_once(project: Files) -> None:
    (fault,) = parse(project, "model=tree", "a=1", "a=2", "model=line").faults
    assert (fault.where, fault.also) == ("override 4 on the command line", ("override 1 on the command line",))
