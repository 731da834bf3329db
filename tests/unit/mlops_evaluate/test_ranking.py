from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from mlops_evaluate.ranking import OneVsRest, Order, Ranking
from mlops_evaluate.scored import Scored

Make = Callable[..., Any]

ROWS = 40
steps = arrays.arrays(np.float64, ROWS, elements=st.integers(0, 10).map(lambda value: value / 10))
labels = arrays.arrays(np.int64, ROWS, elements=st.integers(0, 1))
whole = arrays.arrays(np.float64, ROWS, elements=st.integers(0, 4).map(float))
weighty = arrays.arrays(np.float64, ROWS, elements=st.floats(0.01, 10))


def scored(positive: np.ndarray, target: np.ndarray) -> Scored:
    return Scored(np.column_stack([1 - positive, positive]), target, np.ones(target.size))


@settings(max_examples=60, deadline=None)
@given(score=steps, target=labels, weight=weighty)
def test_areas_equal_scikit_learn_with_ties_and_weights(
    score: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> None:
    target[:2] = (0, 1)
    found = Ranking(scored(score, target)).measure(weight)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(target, score, sample_weight=weight), abs=1e-12)
    expected = average_precision_score(target, score, sample_weight=weight)
    assert found["average_precision"] == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(score=steps, target=labels, times=whole)
def test_multiplicities_equal_repeated_rows(score: np.ndarray, target: np.ndarray, times: np.ndarray) -> None:
    target[:2], times[:2] = (0, 1), (1, 1)
    repeated = np.repeat(np.arange(ROWS), times.astype(int))
    found = Ranking(scored(score, target)).measure(times)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(target[repeated], score[repeated]), abs=1e-12)


def test_one_class_has_no_area() -> None:
    assert np.isnan(Ranking(scored(np.array([0.2, 0.7]), np.array([1, 1]))).measure(np.ones(2))["roc_auc"])


def test_no_positive_rows_have_no_average_precision() -> None:
    found = Ranking(scored(np.array([0.2, 0.7]), np.array([0, 0]))).measure(np.ones(2))
    assert np.isnan(found["average_precision"])


def test_a_constant_score_has_an_area_of_one_half() -> None:
    assert Order(np.full(9, 0.4), np.arange(9) < 3).roc_auc(np.ones(9)) == 0.5


def test_one_vs_rest_equals_scikit_learn(multiclass: Make) -> None:
    scores, target = multiclass()
    found = OneVsRest(Scored(scores, target, np.ones(target.size))).measure(np.ones(target.size))
    assert found["roc_auc_ovr"] == pytest.approx(roc_auc_score(target, scores, multi_class="ovr"), abs=1e-12)


def test_one_vs_rest_is_undefined_when_a_class_has_no_rows(multiclass: Make) -> None:
    scores, target = multiclass()
    target[target == 3] = 2
    assert np.isnan(
        OneVsRest(Scored(scores, target, np.ones(target.size))).measure(np.ones(target.size))["roc_auc_ovr"]
    )
