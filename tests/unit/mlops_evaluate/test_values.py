from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import spearmanr
from sklearn import metrics

from mlops_evaluate.scored import Scored
from mlops_evaluate.values import Errors, MedianError, Spearman

Make = Callable[..., Any]

WEIGHT = np.random.default_rng(3).uniform(0.1, 3, 400)
ROWS = 25
tenths = arrays.arrays(np.float64, ROWS, elements=st.integers(-30, 30).map(lambda value: value / 10))
whole = arrays.arrays(np.float64, ROWS, elements=st.integers(0, 4).map(float))


@pytest.mark.parametrize("weight", [np.ones(400), WEIGHT], ids=["plain", "weights"])
def test_errors_equal_scikit_learn(values: Make, weight: np.ndarray) -> None:
    scores, target = values()
    said = scores[:, 0]
    found = Errors(Scored(scores, target, weight)).measure(weight)
    expected = {
        "rmse": metrics.root_mean_squared_error(target, said, sample_weight=weight),
        "mae": metrics.mean_absolute_error(target, said, sample_weight=weight),
        "r2": metrics.r2_score(target, said, sample_weight=weight),
        "mape": metrics.mean_absolute_percentage_error(target, said, sample_weight=weight),
        "mean_error": np.average(said - target, weights=weight),
    }
    assert found == pytest.approx(expected, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(said=tenths, target=tenths, times=whole)
def test_median_error_is_that_of_repeated_rows(said: np.ndarray, target: np.ndarray, times: np.ndarray) -> None:
    times[0] = 1
    repeated = np.repeat(np.abs(said - target), times.astype(int))
    found = MedianError(Scored(said[:, None], target, times)).measure(times)["median_ae"]
    assert found == pytest.approx(np.median(repeated), abs=1e-12)


def test_weighted_median_error_equals_scikit_learn(values: Make) -> None:
    scores, target = values()
    expected = metrics.median_absolute_error(target, scores[:, 0], sample_weight=WEIGHT)
    assert MedianError(Scored(scores, target, WEIGHT)).measure(WEIGHT)["median_ae"] == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(said=tenths, target=tenths, times=whole)
def test_rank_correlation_is_that_of_repeated_rows(said: np.ndarray, target: np.ndarray, times: np.ndarray) -> None:
    said[:3], target[:3], times[:3] = (0, 1, 2), (0, 2, 1), 1
    repeated = np.repeat(np.arange(ROWS), times.astype(int))
    found = Spearman(Scored(said[:, None], target, times)).measure(times)["spearman"]
    assert found == pytest.approx(spearmanr(said[repeated], target[repeated]).statistic, abs=1e-9)


def test_rank_correlation_with_a_constant_is_undefined() -> None:
    scored = Scored(np.full((7, 1), 0.1), np.arange(7.0), np.ones(7))
    assert np.isnan(Spearman(scored).measure(np.random.default_rng(1).random(7))["spearman"])


def test_relative_error_leaves_out_targets_of_zero() -> None:
    scored = Scored(np.array([[1.0], [3.0]]), np.array([0.0, 2.0]), np.ones(2))
    assert Errors(scored).measure(np.ones(2))["mape"] == 0.5


def test_relative_error_of_zeros_only_is_undefined() -> None:
    scored = Scored(np.array([[1.0], [3.0]]), np.zeros(2), np.ones(2))
    assert np.isnan(Errors(scored).measure(np.ones(2))["mape"])


def test_a_constant_target_has_no_explained_variance() -> None:
    scored = Scored(np.array([[1.0], [3.0]]), np.ones(2), np.ones(2))
    assert np.isnan(Errors(scored).measure(np.ones(2))["r2"])
