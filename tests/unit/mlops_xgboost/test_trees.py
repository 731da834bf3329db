"""Trees in ONNX take every row to the leaf to which XGBoost takes it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnxruntime
import pytest
import xgboost

from mlops_xgboost.export import to_onnx
from mlops_xgboost.trees import Forest, _base

Array = np.ndarray[Any, Any]


def grown(matrix: Array, target: Array, *, categorical: tuple[int, ...] = (), **more: Any) -> xgboost.Booster:
    types = ["c" if index in categorical else "q" for index in range(matrix.shape[1])]
    data = xgboost.DMatrix(matrix.astype(np.float32), target, feature_types=types, nthread=1)
    settings = {"tree_method": "hist", "nthread": 1, "min_child_weight": 0, **more}
    return xgboost.train(settings, data, 20)


def largest_difference(booster: xgboost.Booster, matrix: Array) -> float:
    graph = to_onnx(json.loads(booster.save_raw("json")), task="regression")
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    exported = session.run(["scores"], {"features": matrix.astype(np.float32)})[0][:, 0]
    return float(np.abs(exported - booster.inplace_predict(matrix.astype(np.float32))).max())


def neighbours(count: int) -> Array:
    """Float32 numbers from 1 on with none between them."""
    first = int(np.float32(1).view(np.uint32))
    return np.arange(first, first + count, dtype=np.uint32).view(np.float32)


def test_thresholds_tell_neighbouring_float32_numbers_apart() -> None:
    values = neighbours(200)
    rng = np.random.default_rng(0)
    booster = grown(np.repeat(values, 5)[:, None], np.repeat(rng.normal(size=200), 5), max_depth=9)
    assert largest_difference(booster, values[:, None]) < 1e-5


def test_thresholds_tell_the_numbers_around_zero_apart() -> None:
    tiny = np.float32(1e-45)
    values = np.array([-tiny, -0.0, 0.0, tiny, 2 * tiny], np.float32)
    booster = grown(np.repeat(values, 20)[:, None], np.repeat([1.0, 2.0, 2.0, 5.0, 9.0], 20))
    assert largest_difference(booster, values[:, None]) < 1e-5


def test_missing_values_that_training_saw_go_the_learnt_way() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(500, 2))
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    booster = grown(matrix, np.nan_to_num(matrix[:, 0], nan=3) - np.nan_to_num(matrix[:, 1], nan=-2))
    assert largest_difference(booster, matrix) < 1e-5


def test_missing_values_that_training_never_saw() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(500, 2))
    booster = grown(matrix, matrix[:, 0] + matrix[:, 1])
    matrix[:250, 0] = np.nan
    assert largest_difference(booster, matrix) < 1e-5


@pytest.mark.parametrize("max_cat_to_onehot", [1, 1_000])
def test_many_categories_seen_unseen_and_missing(max_cat_to_onehot: int) -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 150, size=(3_000, 2)).astype(np.float64)
    effect = rng.normal(size=150)
    target = effect[codes[:, 0].astype(int)] * effect[codes[:, 1].astype(int)]
    codes[::50, 0] = np.nan
    booster = grown(codes, target, categorical=(0, 1), max_cat_to_onehot=max_cat_to_onehot)
    strange = np.array([[150, 3], [9_999, 9_999], [149, 151], [np.nan, 2], [3, np.nan], [-1, 4]])
    assert largest_difference(booster, np.vstack([codes, strange])) < 1e-4


def test_pruned_nodes_are_left_out() -> None:
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(400, 3))
    booster = grown(matrix, matrix[:, 0] * matrix[:, 1] + rng.normal(size=400), gamma=8, max_depth=8)
    grown_once = xgboost.train(
        {"process_type": "update", "updater": "prune", "gamma": 30, "nthread": 1, "verbosity": 0},
        xgboost.DMatrix(matrix.astype(np.float32), matrix[:, 0]),
        20,
        xgb_model=booster,
    )
    trees = json.loads(grown_once.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]
    assert any(int(tree["tree_param"]["num_deleted"]) for tree in trees)
    assert largest_difference(grown_once, matrix) < 1e-5


def test_trees_of_one_leaf() -> None:
    booster = grown(np.zeros((50, 1)), np.arange(50.0), base_score=7.5)
    assert largest_difference(booster, np.zeros((3, 1))) < 1e-5


def test_trees_of_one_leaf_among_others() -> None:
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(200, 2))
    booster = grown(matrix, (matrix[:, 0] > 0) * 3.0, gamma=20)
    forest = Forest.of(json.loads(booster.save_raw("json")))
    assert len(forest.roots) == 20
    assert (forest.nodes.true_leaf & forest.nodes.false_leaf & (forest.nodes.true_id == forest.nodes.false_id)).any()
    assert largest_difference(booster, matrix) < 1e-5


@pytest.mark.parametrize(
    ("written", "objective", "expected"),
    [
        ("[2.5E-1]", "binary:logistic", [-1.0986123]),
        ("5E-1", "binary:logistic", [0.0]),
        ("[4.2E2]", "reg:squarederror", [420.0]),
        ("[-1E-1,2E0,3E0]", "multi:softprob", [-0.1, 2.0, 3.0]),
    ],
)
def test_the_start_is_read_as_a_margin(written: str, objective: str, expected: list[float]) -> None:
    assert _base(written, objective=objective).tolist() == pytest.approx(expected)
