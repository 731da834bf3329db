"""What the command line loads: heavy libraries only for the stages that run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imports import CORE, HEAVY, imported


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with nothing in it, where the packaged recipes are found."""
    (tmp_path / "recipes").mkdir()
    return tmp_path


def test_the_probe_sees_a_library_that_a_stage_loads(project: Path) -> None:
    small = ("data.limit=500", "validate.rows=null", "--to", "features")
    assert "onnx" in imported(project, "run", "recipe=diamonds", *small)


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_loads_nothing_but_the_standard_library(project: Path, words: list[str]) -> None:
    assert imported(project, *words) & (HEAVY | CORE) == set()


@pytest.mark.parametrize("verb", ["run", "plan", "check"])
def test_the_help_of_a_verb_loads_no_heavy_library(project: Path, verb: str) -> None:
    assert imported(project, verb, "--help") & HEAVY == set()


@pytest.mark.parametrize("recipe", ["flights", "churn", "diamonds"])
def test_planning_loads_no_heavy_library(project: Path, recipe: str) -> None:
    assert imported(project, "plan", f"recipe={recipe}") & HEAVY == set()


@pytest.mark.parametrize(
    "words",
    [
        ["check", "recipe=flights"],
        ["explain", "model.learning_rate", "recipe=flights"],
        ["ls"],
        ["runs"],
        ["schema"],
        ["gc"],
    ],
    ids=lambda words: words[0],
)
def test_looking_loads_no_heavy_library(project: Path, words: list[str]) -> None:
    assert imported(project, *words) & HEAVY == set()


def test_a_run_that_reuses_everything_loads_no_heavy_library(project: Path) -> None:
    words = ("run", "recipe=churn", "evaluate.bootstrap=0", "--to", "train")
    assert "sklearn" in imported(project, *words)
    assert imported(project, *words) & HEAVY == set()
