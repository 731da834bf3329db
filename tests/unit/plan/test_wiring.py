from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from mlops.formats import Splits, Table
from mlops.plan.wiring import Link, ports, wire
from mlops.recipe.model import Recipe
from mlops.stage import Context, Stage
from mlops.workspace import Workspace
from tests.conftest import Files

HEAD = "_target_: toy.Head, rows: 1"


class Pair(NamedTuple):
    table: Table
    splits: Splits


class Both(Stage):
    def run(self, table: Table, *, context: Context) -> Pair: ...  # type: ignore[empty-body] # never run


class NoFormat(Stage):
    def run(self, table: int, *, context: Context) -> Table: ...  # type: ignore[empty-body] # never run


class NoContext(Stage):
    def run(self, *, context: int) -> Table: ...  # type: ignore[empty-body] # never run


class NoOutput(Stage):
    def run(self, *, context: Context) -> dict[str, Any]: ...  # type: ignore[empty-body] # never run


class Unknown(Stage):
    def run(self, *, context: Context) -> Nowhere: ...  # type: ignore[name-defined] # noqa: F821 - what is tried


def test_ports_are_read_from_the_annotations() -> None:
    found = ports(Both)
    assert (found.inputs, found.outputs, found.problem) == ({"table": Table}, {"table": Table, "splits": Splits}, "")


@pytest.mark.parametrize(
    ("stage", "problem"),
    [
        (NoFormat, "NoFormat.run: the parameter 'table' is not annotated with a format"),
        (NoContext, "NoContext.run: the parameter 'context' must be a Context"),
        (NoOutput, "NoOutput.run must return a format, or a NamedTuple of formats"),
        (Unknown, "the annotations of Unknown.run cannot be read"),
        (Stage, "Stage has no method run"),
    ],
)
def test_class_that_is_no_usable_stage_says_why(stage: type[Stage], problem: str) -> None:
    assert problem in ports(stage).problem


def loaded(project: Files, stages: str, **sections: str) -> Recipe:
    text = "\n".join([f"stages: [{stages}]", *(f"{name}: {{{body}}}" for name, body in sections.items())])
    project.write({"recipes/x.yaml": text})
    from mlops.recipe import load

    work = Workspace.here()
    return load(work.catalog, work.plugins, ["recipe=x"])


def test_nearest_maker_above_feeds_an_input(project: Files) -> None:
    recipe = loaded(project, "a, b, c", a="_target_: toy.Make", b=HEAD, c=HEAD)
    wiring = wire(recipe)
    assert wiring.faults == ()
    assert wiring.links == {"a": (), "b": (Link("table", "a", "table"),), "c": (Link("table", "b", "table"),)}
    assert wiring.ancestors("c") == {"a", "b"}


def test_another_maker_is_chosen_by_name_or_output(project: Files) -> None:
    recipe = loaded(
        project,
        "a, twin, b, c",
        a="_target_: toy.Make",
        twin="_target_: toy.Twin",
        b=f"{HEAD}, inputs: {{table: twin.right}}",
        c=f"{HEAD}, inputs: {{table: a}}",
    )
    wiring = wire(recipe)
    assert wiring.faults == ()
    assert (wiring.links["b"], wiring.links["c"]) == ((Link("table", "twin", "right"),), (Link("table", "a", "table"),))


def test_makers_of_which_one_builds_on_the_other_are_no_rivals(project: Files) -> None:
    recipe = loaded(project, "a, b, c, d", a="_target_: toy.Make", b=HEAD, c=HEAD, d=HEAD)
    assert wire(recipe).faults == ()


def test_two_makers_are_named_with_both_places_to_choose(project: Files) -> None:
    recipe = loaded(project, "a, b, c", a="_target_: toy.Make", b="_target_: toy.Make", c=HEAD)
    (fault,) = wire(recipe).faults
    assert fault.message == "its input 'table' is made by a and b, and none builds on the other"
    assert fault.fix == "write c.inputs.table: b, or a"


def test_format_decides_where_one_output_only_fits(project: Files) -> None:
    recipe = loaded(
        project,
        "a, cut, count, b",
        a="_target_: toy.Make",
        cut="_target_: toy.Cut",
        count="_target_: toy.Count, inputs: {splits: cut}",
        b=HEAD,
    )
    wiring = wire(recipe)
    assert wiring.links["count"] == (Link("splits", "cut", "splits"),)
    assert [fault.message for fault in wiring.faults] == []


def test_stage_that_is_not_known_may_make_anything(project: Files) -> None:
    found = project.check(
        "stages: [a, b, c]\na: {_target_: toy.Maek}\nb: {_target_: toy.Head, rows: 1}\n"
        "c: {_target_: toy.Head, rows: 1, inputs: {tabel: a}}\n"
    )
    assert [fault.key for fault in found] == ["a._target_", "c.inputs.tabel"]


def test_stage_with_wrong_values_still_makes_what_its_class_makes(project: Files) -> None:
    found = project.check("stages: [a, b]\na: {_target_: toy.Make, rows: 0}\nb: {_target_: toy.Head, rows: 0}\n")
    assert [fault.key for fault in found] == ["a.rows", "b.rows"]
