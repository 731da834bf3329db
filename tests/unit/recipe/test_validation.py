from __future__ import annotations

import subprocess
import sys

import pytest

from mlops.errors import RecipeError
from mlops.workspace import Workspace
from tests.conftest import Files

GOOD = """
stages: [make, head, fit]
make: {_target_: toy.Make, rows: 5, timeout: 90s, resources: {cpus: 1}}
head: {_target_: toy.Head, rows: "${make.rows}", retries: 2}
line: {_target_: toy.Line, slope: 2.0}
fit: {_target_: toy.Fit, method: "${line}", more: [{_target_: toy.Forest, trees: 3}], enabled: false}
"""


def test_good_recipe_is_frozen_into_sections(project: Files) -> None:
    recipe = project.recipe(GOOD)
    assert [section.name for section in recipe.sections] == ["make", "head"]
    make, head = recipe.sections
    assert (make.options.timeout, make.options.resources.cpus, head.options.retries) == (90.0, 1, 2)
    assert head.parameters == {"rows": 5}
    assert recipe.head.stages == ("make", "head", "fit")


def test_parts_inside_are_remembered(project: Files) -> None:
    recipe = project.recipe(GOOD, "fit.enabled=true")
    assert {part.__name__ for part in recipe.sections[2].parts} == {"Line", "Forest"}


def test_error_lists_every_fault_in_order(project: Files) -> None:
    with pytest.raises(RecipeError) as caught:
        project.recipe(GOOD, "make.rowz=1", "head.rows=0", "seed=x")
    assert [fault.key for fault in caught.value.faults] == ["make.rowz", "head.rows", "seed"]
    assert caught.value.recipe == "x"


def test_wrong_values_do_not_hide_wrong_wiring(project: Files) -> None:
    found = project.check(GOOD, "make.rows=0", "head.inputs={table: nothing}", "fit.method.slop=1")
    assert {fault.key for fault in found} >= {"make.rows", "head.inputs.table"}


@pytest.mark.parametrize(
    "secret", ["secret hunter22", "secret 'q' \"d\"", "secret\nline\ttab", "secret \\ é €", "secret ${seed}"]
)
def test_no_message_holds_the_value_of_a_variable(project: Files, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("TITLE", secret)
    text = GOOD.replace("rows: 5,", "rows: 5, title: '${oc.env:TITLE}', look: {colour: 'x${oc.env:TITLE}'},")
    for overrides in ([], ["make.look=null"], ["make.look.colour=red"]):
        found = project.check(text, *overrides)
        assert found
        told = "\n".join(str(fault) for fault in found)
        assert secret.rsplit(maxsplit=1)[-1] not in told.replace("${oc.env:TITLE}", "")


def test_error_of_a_plugins_validator_is_told_without_the_secret(
    project: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter22!")
    project.write(
        {
            "plugins/rash.py": "from pydantic import field_validator\nfrom toy import Make\n"
            "class Rash(Make):\n    token: str\n    @field_validator('token')\n    @classmethod\n"
            "    def _check(cls, value):\n        return {}[value]\n"
        }
    )
    (fault,) = project.check("stages: [a]\na: {_target_: rash.Rash, token: '${oc.env:TOKEN}'}\n")
    assert fault.key == "a"
    assert fault.message == "Rash could not be checked: KeyError: '${oc.env:TOKEN}' (rash.py:8)"


def test_secret_reaches_the_stage_but_not_the_recipes_values(project: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TITLE", "hunter22")
    recipe = project.recipe(GOOD.replace("rows: 5,", "rows: 5, title: '${oc.env:TITLE}',"))
    assert getattr(recipe.sections[0].stage, "title") == "hunter22"  # noqa: B009 - the stage's class is known at run time only
    assert recipe.sections[0].parameters["title"] == "${oc.env:TITLE}"
    assert "hunter22" not in str(recipe.values)


def test_failed_reference_makes_no_second_fault(project: Files) -> None:
    text = GOOD.replace("slope: 2.0", "slope: '${nope}'").replace("rows: 5,", "rows: '${nope2}', kind: '${nope3}',")
    assert [fault.key for fault in project.check(text)] == ["make.rows", "make.kind", "line.slope"]


def test_wrong_choice_hides_its_section_only(project: Files) -> None:
    project.write({"conf/line/steep.yaml": "_target_: toy.Line\nslope: 9\n"})
    text = "defaults:\n  - line: steap\n" + GOOD.replace(
        "line: {_target_: toy.Line, slope: 2.0}\n", "line: {slop: 1}\n"
    )
    found = project.check(text, "make.rowz=3")
    assert [fault.key for fault in found] == ["defaults.line", "make.rowz"]


def test_shorter_list_of_stages_leaves_sections_alone(project: Files) -> None:
    assert project.check(GOOD, "stages=[make]") == []


def test_section_that_is_no_stage_is_checked_too(project: Files) -> None:
    assert [fault.key for fault in project.check(GOOD, "line.slope=-1")] == ["line.slope"]


def test_stage_of_no_use_is_named(project: Files) -> None:
    (fault,) = project.check(GOOD + "other: {_target_: toy.Make}\n")
    assert (fault.key, fault.fix) == ("other", "add other to stages, or remove it")


def test_hundred_mistakes_are_all_told(project: Files) -> None:
    names = [f"s{i}" for i in range(100)]
    sections = "".join(f"{name}: {{_target_: toy.Make, rowz: 1}}\n" for name in names)
    found = project.check(f"stages: [{', '.join(names)}]\n{sections}")
    assert [fault.key for fault in found] == [f"{name}.rowz" for name in names]


def test_check_says_it_all_on_stderr_with_exit_code_two(project: Files) -> None:
    project.write({"recipes/x.yaml": GOOD})
    command = [sys.executable, "-m", "mlops", "check", "recipe=x", "make.rowz=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "override 2 on the command line: make.rowz: unknown key",
        "    fix: did you mean 'rows'?",
        "1 mistake in recipe x",
    ]


def test_workspace_gives_the_same_faults_when_a_recipe_is_loaded(project: Files) -> None:
    project.write({"recipes/x.yaml": GOOD})
    overrides = ["recipe=x", "make.rows=0", "head.inputs={table: nothing}"]
    with pytest.raises(RecipeError) as caught:
        Workspace.here().recipe(overrides)
    assert list(caught.value.faults) == Workspace.here().check(overrides)[1]
