"""Greedy selection on validation rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ensemble.greedy import Truth, loss_of, select


def _binary(seed: int, models: int = 4, rows: int = 40) -> tuple[np.ndarray, Truth]:
    chance = np.random.default_rng(seed)
    positive = chance.uniform(0.01, 0.99, (models, rows))
    return np.stack([1 - positive, positive], axis=2), Truth("binary", chance.integers(0, 2, rows))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_is_never_worse_than_the_best_single_model(seed: int) -> None:
    scores, truth = _binary(seed)
    weights, _ = select(scores, truth, rounds=15)
    mean = np.tensordot(np.array(weights), scores, axes=1)
    assert loss_of(mean, truth) <= min(loss_of(model, truth) for model in scores) + 1e-12


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_weights_sum_to_one(seed: int) -> None:
    weights, curve = select(*_binary(seed), rounds=9)
    assert sum(weights) == pytest.approx(1)
    assert len(curve) == 9


def test_models_that_err_in_opposite_ways_are_both_taken() -> None:
    truth = Truth("regression", np.zeros(4))
    scores = np.array([[1.0, -1.0, 1.0, -1.0], [-1.0, 1.0, -1.0, 1.0], [3.0, 3.0, 3.0, 3.0]])[:, :, None]
    assert select(scores, truth, rounds=10)[0] == [0.5, 0.5, 0.0]


def test_rows_count_by_their_weight() -> None:
    scores = np.array([[0.0, 5.0], [5.0, 0.0]])[:, :, None]
    truth = Truth("regression", np.zeros(2), np.array([1.0, 0.0]))
    assert select(scores, truth, rounds=3)[0] == [1.0, 0.0]


def test_a_probability_of_zero_leaves_the_loss_finite() -> None:
    assert np.isfinite(loss_of(np.array([[1.0, 0.0]]), Truth("binary", np.array([1]))))
