from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from mlops_evaluate.probabilities import BINS, Brier, CalibrationError, LogLoss
from mlops_evaluate.scored import Scored

Make = Callable[..., Any]

WEIGHT = np.random.default_rng(3).uniform(0.1, 3, 400)


def test_log_loss_equals_scikit_learn(binary: Make) -> None:
    scores, target = binary()
    expected = log_loss(target, scores, sample_weight=WEIGHT)
    assert LogLoss(Scored(scores, target, WEIGHT)).measure(WEIGHT)["log_loss"] == pytest.approx(expected, abs=1e-12)


def test_multiclass_log_loss_equals_scikit_learn(multiclass: Make) -> None:
    scores, target = multiclass()
    expected = log_loss(target, scores, sample_weight=WEIGHT)
    assert LogLoss(Scored(scores, target, WEIGHT)).measure(WEIGHT)["log_loss"] == pytest.approx(expected, abs=1e-12)


def test_log_loss_of_a_sure_mistake_is_finite() -> None:
    scored = Scored(np.array([[1.0, 0.0]]), np.array([1]), np.ones(1))
    assert LogLoss(scored).measure(np.ones(1))["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_brier_score_equals_scikit_learn(binary: Make) -> None:
    scores, target = binary()
    expected = brier_score_loss(target, scores[:, 1], sample_weight=WEIGHT)
    assert Brier(Scored(scores, target, WEIGHT)).measure(WEIGHT)["brier"] == pytest.approx(expected, abs=1e-12)


def naive_calibration_error(promised: np.ndarray, happened: np.ndarray, weight: np.ndarray) -> Any:
    """The definition, bin by bin."""
    total = 0.0
    for index in range(BINS):
        low, high = index / BINS, (index + 1) / BINS
        rows = (promised >= low) & ((promised < high) | ((index == BINS - 1) & (promised == 1)))
        if rows.any():
            gap = np.average(happened[rows], weights=weight[rows]) - np.average(promised[rows], weights=weight[rows])
            total += weight[rows].sum() / weight.sum() * abs(gap)
    return total


def test_calibration_error_follows_its_definition(binary: Make) -> None:
    scores, target = binary()
    scores[0], scores[1] = (1.0, 0.0), (0.0, 1.0)
    found = CalibrationError(Scored(scores, target, WEIGHT), binary=True).measure(WEIGHT)["ece"]
    assert found == pytest.approx(naive_calibration_error(scores[:, 1], target == 1, WEIGHT), abs=1e-12)


def test_multiclass_calibration_error_judges_the_class_that_is_named(multiclass: Make) -> None:
    scores, target = multiclass()
    found = CalibrationError(Scored(scores, target, WEIGHT), binary=False).measure(WEIGHT)["ece"]
    right = scores.argmax(axis=1) == target
    assert found == pytest.approx(naive_calibration_error(scores.max(axis=1), right, WEIGHT), abs=1e-12)


def test_promises_that_hold_have_no_calibration_error() -> None:
    scores = np.tile([0.75, 0.25], (8, 1))
    scored = Scored(scores, np.array([1, 0, 0, 0, 1, 0, 0, 0]), np.ones(8))
    assert CalibrationError(scored, binary=True).measure(np.ones(8))["ece"] == pytest.approx(0)
