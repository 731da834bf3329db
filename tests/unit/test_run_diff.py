from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.run_diff import diff_runs, render
from mlops.run_reading import Run

TRAIN: dict[str, Any] = {
    "target": "mlops_train.train.Train",
    "code": {"plugins/mlops_train/train.py": "a" * 64},
    "libraries": {"lightgbm": "4.6.0"},
    "parameters": {"lr": 0.01, "model": {"leaves": 31}},
    "seed": 1,
    "inputs": {"prepared": "p1"},
    "sources": {"data/flights.parquet": "b" * 64},
}
A = Run(
    id="a",
    folder=Path(),
    status="done",
    recipe="flights",
    seed=1,
    environment={"python": {"version": "3.11.7"}, "libraries": {"numpy": "2.3.0"}},
    steps=({"stage": "train", "ingredients": TRAIN},),
    metrics={"evaluate.auc": 0.75},
)


def with_train(run: Run, **changes: Any) -> Run:
    return replace(run, id="b", steps=({"stage": "train", "ingredients": TRAIN | changes},))


def test_equal_runs_differ_in_nothing() -> None:
    difference = diff_runs(A, replace(A, id="b"))
    assert difference == {"a": "a", "b": "b"}
    assert render(difference) == "a → b\n  nothing differs"


def test_a_parameter_is_told_by_its_stage_and_path() -> None:
    b = with_train(A, parameters={"lr": 0.01, "model": {"leaves": 63, "depth": 3}})
    assert diff_runs(A, b)["parameters"] == {
        "train.model.depth": {"new": 3},
        "train.model.leaves": {"old": 31, "new": 63},
    }


def test_recipe_seed_and_target_are_parameters_too() -> None:
    b = replace(with_train(A, target="mine.Train"), recipe="churn", seed=2)
    assert diff_runs(A, b)["parameters"] == {
        "recipe": {"old": "flights", "new": "churn"},
        "seed": {"old": 1, "new": 2},
        "train._target_": {"old": "mlops_train.train.Train", "new": "mine.Train"},
    }


def test_code_and_data_are_told_by_their_digests() -> None:
    b = with_train(A, code={"plugins/mlops_train/train.py": "c" * 64}, sources={})
    difference = diff_runs(A, b)
    assert difference["code"] == {"plugins/mlops_train/train.py": {"old": "a" * 64, "new": "c" * 64}}
    assert difference["data"] == {"data/flights.parquet": {"old": "b" * 64}}


def test_libraries_of_the_stages_and_of_the_environment_are_told_together() -> None:
    b = replace(with_train(A, libraries={"lightgbm": "4.7.0"}), environment={**A.environment, "libraries": {}})
    assert diff_runs(A, b)["libraries"] == {
        "lightgbm": {"old": "4.6.0", "new": "4.7.0"},
        "numpy": {"old": "2.3.0"},
    }


def test_a_stage_that_only_one_run_has_is_named_once() -> None:
    b = replace(A, id="b", steps=(*A.steps, {"stage": "bundle", "ingredients": TRAIN | {"code": {"x.py": "1"}}}))
    assert diff_runs(A, b) == {
        "a": "a",
        "b": "b",
        "parameters": {"stages": {"old": ["train"], "new": ["train", "bundle"]}},
    }


def test_a_step_without_ingredients_is_no_error() -> None:
    assert "parameters" in diff_runs(A, replace(A, id="b", steps=({"stage": "train"},)))


def test_the_text_tells_what_differs_in_aligned_lines() -> None:
    b = replace(
        with_train(
            A, parameters={"lr": 0.02, "model": {"leaves": 31}}, code={"plugins/mlops_train/train.py": "c" * 64}
        ),
        metrics={"evaluate.auc": 0.8, "evaluate.f1": 0.5},
        environment={"python": {"version": "3.12.1"}, "libraries": {"numpy": "2.4.0"}},
    )
    assert render(diff_runs(A, b)).splitlines() == [
        "a → b",
        "",
        "parameters",
        "  train.lr  0.01 → 0.02",
        "",
        "code",
        "  plugins/mlops_train/train.py  aaaaaaaaaaaa → cccccccccccc",
        "",
        "libraries",
        "  numpy  2.3.0 → 2.4.0",
        "",
        "metrics",
        "  evaluate.auc  0.75 → 0.8  (+0.05)",
        "  evaluate.f1   added: 0.5",
        "",
        "environment",
        "  python.version  3.11.7 → 3.12.1",
    ]
