from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from mlops_evaluate.labels import BinaryLabels, MulticlassLabels, TopThree
from mlops_evaluate.scored import Scored

Make = Callable[..., Any]


@pytest.fixture(params=[None, 1, 2], ids=["plain", "weights-1", "weights-2"])
def weight(request: pytest.FixtureRequest) -> Any:
    return np.ones(400) if request.param is None else np.random.default_rng(request.param).uniform(0.1, 3, 400)


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_binary_labels_equal_scikit_learn(binary: Make, weight: np.ndarray, threshold: Any) -> None:
    scores, target = binary()
    said = (scores[:, 1] >= threshold).astype(int)
    found = BinaryLabels(Scored(scores, target, weight), threshold).measure(weight)
    expected = {
        "accuracy": metrics.accuracy_score(target, said, sample_weight=weight),
        "balanced_accuracy": metrics.balanced_accuracy_score(target, said, sample_weight=weight),
        "precision": metrics.precision_score(target, said, sample_weight=weight),
        "recall": metrics.recall_score(target, said, sample_weight=weight),
        "f1": metrics.f1_score(target, said, sample_weight=weight),
        "mcc": metrics.matthews_corrcoef(target, said, sample_weight=weight),
        "base_rate": np.average(target, weights=weight),
    }
    assert found == pytest.approx(expected, abs=1e-12)


def test_multiclass_labels_equal_scikit_learn(multiclass: Make, weight: np.ndarray) -> None:
    scores, target = multiclass()
    said = scores.argmax(axis=1)
    found = MulticlassLabels(Scored(scores, target, weight)).measure(weight)
    expected = {
        "accuracy": metrics.accuracy_score(target, said, sample_weight=weight),
        "balanced_accuracy": metrics.balanced_accuracy_score(target, said, sample_weight=weight),
        "macro_f1": metrics.f1_score(target, said, sample_weight=weight, average="macro"),
        "weighted_f1": metrics.f1_score(target, said, sample_weight=weight, average="weighted"),
        "mcc": metrics.matthews_corrcoef(target, said, sample_weight=weight),
    }
    assert found == pytest.approx(expected, abs=1e-12)


def test_top_three_equals_scikit_learn(multiclass: Make, weight: np.ndarray) -> None:
    scores, target = multiclass(classes=6)
    found = TopThree(Scored(scores, target, weight)).measure(weight)
    expected = metrics.top_k_accuracy_score(target, scores, k=3, sample_weight=weight)
    assert found["top_3_accuracy"] == pytest.approx(expected, abs=1e-12)


def test_top_three_of_equal_scores_takes_the_first_classes() -> None:
    scored = Scored(np.full((5, 5), 0.2), np.arange(5), np.ones(5))
    assert TopThree(scored).measure(np.ones(5))["top_3_accuracy"] == 0.6


def test_classes_neither_seen_nor_said_leave_means_alone() -> None:
    scores = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
    found = MulticlassLabels(Scored(scores, np.array([0, 1]), np.ones(2))).measure(np.ones(2))
    assert (found["macro_f1"], found["balanced_accuracy"]) == (1.0, 1.0)


def test_precision_is_undefined_when_nothing_is_called_positive() -> None:
    scored = Scored(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]), np.ones(2))
    assert np.isnan(BinaryLabels(scored, 0.5).measure(np.ones(2))["precision"])


def test_correlation_of_a_constant_answer_is_zero() -> None:
    scored = Scored(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]), np.ones(2))
    assert BinaryLabels(scored, 0.5).measure(np.ones(2))["mcc"] == 0.0


def test_a_score_at_the_threshold_is_positive() -> None:
    scored = Scored(np.array([[0.5, 0.5]]), np.array([1]), np.ones(1))
    assert BinaryLabels(scored, 0.5).measure(np.ones(1))["recall"] == 1.0
