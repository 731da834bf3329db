"""What the command line loads: heavy libraries only for the stages that run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = frozenset(
    {
        "bentoml",
        "lightgbm",
        "lightning",
        "matplotlib",
        "mlflow",
        "onnx",
        "pandas",
        "ray",
        "scipy",
        "sklearn",
        "torch",
        "whylogs",
        "xgboost",
    }
)
"""Libraries that only a stage at work may load."""

CORE = frozenset({"hydra", "numpy", "omegaconf", "onnxruntime", "polars", "pyarrow", "pydantic", "rich", "yaml"})
"""What we depend on ourselves, and help does not need."""

PROBE = """
import json, sys

class Watch:
    asked = set()
    def find_spec(self, name, path=None, target=None):
        self.asked.add(name.partition(".")[0])
        return None

sys.meta_path.insert(0, Watch())
from mlops.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as exc:
    code = exc.code
print()
print(json.dumps([code, sorted(Watch.asked | set(sys.modules))]))
"""
"""Says what was imported; an attempt counts too, so that a library need not be installed to be caught."""


def imported(root: Path, *words: str) -> set[str]:
    """Run a command that must succeed; name the top-level modules that it imported or tried to."""
    command = [sys.executable, "-c", PROBE, *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    code, names = json.loads(done.stdout.strip().splitlines()[-1])
    assert code == 0, done.stderr
    return set(names)


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
