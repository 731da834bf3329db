"""Trees in ONNX take every row to the leaf to which LightGBM takes it."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lightgbm.export import to_onnx
from mlops_lightgbm.trees import float32_below

Array = np.ndarray[Any, Any]


def grown(matrix: Array, target: Array, *, categorical: tuple[int, ...] = (), **more: Any) -> lightgbm.Booster:
    parameters = {"objective": "regression", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 1, **more}
    data = lightgbm.Dataset(matrix.astype(np.float32), target, categorical_feature=list(categorical))
    return lightgbm.train({"min_data_in_bin": 1, "min_data_per_group": 1, **parameters}, data, 20)


def largest_difference(booster: lightgbm.Booster, matrix: Array) -> float:
    graph = to_onnx(booster.dump_model(), task="regression")
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    exported = session.run(["scores"], {"features": matrix.astype(np.float32)})[0][:, 0]
    return float(np.abs(exported - booster.predict(matrix.astype(np.float32))).max())


def neighbours(count: int) -> Array:
    """Float32 numbers from 1 on with none between them."""
    return np.arange(np.float32(1).view(np.uint32), np.float32(1).view(np.uint32) + count, dtype=np.uint32).view(
        np.float32
    )


def test_thresholds_tell_neighbouring_float32_numbers_apart() -> None:
    values = neighbours(200)
    rng = np.random.default_rng(0)
    booster = grown(np.repeat(values, 5)[:, None], np.repeat(rng.normal(size=200), 5), num_leaves=200)
    assert largest_difference(booster, values[:, None]) < 1e-5


def test_missing_values_that_training_saw_go_the_learnt_way() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(500, 2))
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    booster = grown(matrix, np.nan_to_num(matrix[:, 0], nan=3) - np.nan_to_num(matrix[:, 1], nan=-2))
    assert largest_difference(booster, matrix) < 1e-5


def test_missing_values_that_training_never_saw_count_as_zero() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(500, 2))
    booster = grown(matrix, matrix[:, 0] + matrix[:, 1])
    matrix[:250, 0] = np.nan
    assert largest_difference(booster, matrix) < 1e-5


def test_many_categories_seen_and_unseen() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 150, size=(3_000, 2))
    effect = rng.normal(size=150)
    booster = grown(codes, effect[codes[:, 0]] * effect[codes[:, 1]], categorical=(0, 1))
    strange = np.array([[150, 3], [9_999, 9_999], [149, 151], [np.nan, 2]])
    assert "||" in str(booster.dump_model())
    assert largest_difference(booster, np.vstack([codes, strange])) < 1e-4


def test_trees_of_one_leaf() -> None:
    booster = grown(np.zeros((50, 1)), np.arange(50.0))
    assert largest_difference(booster, np.zeros((3, 1))) < 1e-5


@given(st.floats(allow_nan=False, width=64), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_rounding_down_keeps_every_comparison(threshold: float, value: float) -> None:
    assert (value <= float32_below(threshold)) == (value <= threshold)


@pytest.mark.parametrize(("value", "expected"), [(1.5, 1.5), (1 + 1e-12, 1.0), (-1 - 1e-12, -1 - 2**-23)])
def test_rounds_down_to_float32(value: float, expected: float) -> None:
    assert float32_below(value) == expected
