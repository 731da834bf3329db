from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from mlops_evaluate.curves import calibration, operating, thin, weighted_quantiles
from mlops_evaluate.panel import ticks
from mlops_evaluate.scored import Scored
from mlops_evaluate.svg import count, percent, shown

Make = Callable[..., Any]


def test_rates_equal_scikit_learn(binary: Make) -> None:
    scores, target = binary()
    weight = np.random.default_rng(1).uniform(0.1, 2, 400)
    found = operating(Scored(scores, target, weight))
    assert found is not None
    false_rate, recall, thresholds = roc_curve(target, scores[:, 1], sample_weight=weight, drop_intermediate=False)
    np.testing.assert_allclose(found.recall, recall[1:], atol=1e-12)
    np.testing.assert_allclose(found.false_rate, false_rate[1:], atol=1e-12)
    np.testing.assert_array_equal(found.thresholds, thresholds[1:])


def test_the_operating_point_calls_exactly_the_rows_at_or_above_the_threshold(binary: Make) -> None:
    scores, target = binary()
    found = operating(Scored(scores, target, np.ones(400)))
    assert found is not None
    at = found.at(0.4)
    assert found.called[at] == pytest.approx(np.mean(scores[:, 1] >= 0.4))


def test_a_threshold_above_every_score_has_no_operating_point(binary: Make) -> None:
    scores, target = binary()
    found = operating(Scored(scores, target, np.ones(400)))
    assert found is not None
    assert found.at(1.0) == -1


def test_a_thinned_curve_keeps_its_ends_and_stays_near() -> None:
    x = np.linspace(0, 1, 50_000)
    kept_x, kept_y = thin(x, x**3)
    assert kept_x.size <= 300
    assert (kept_x[0], kept_x[-1]) == (0, 1)
    assert np.abs(np.interp(x, kept_x, kept_y) - x**3).max() < 1e-3


def test_calibration_intervals_hold_the_observed_rate_and_stay_shares(binary: Make) -> None:
    scores, target = binary()
    found = calibration(Scored(scores, target, np.ones(400)), binary=True, confidence=0.95)
    assert np.all((found.low >= 0) & (found.low <= found.observed) & (found.observed <= found.high) & (found.high <= 1))
    assert found.weight.sum() == 400


def test_weighted_quantiles_follow_the_weight() -> None:
    found = weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0]), np.array([0.5, 0.85, 1.0]))
    assert found.tolist() == [1.0, 2.0, 3.0]


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_ticks_are_few_and_within_their_range(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 1 <= len(found) <= 12
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.65768, "0.6577"),
        (592.17, "592.2"),
        (12345.6, "12,346"),
        (-2.6251, "−2.625"),
        (0, "0"),
        (0.00001234, "1.2e−05"),
        (None, "–"),
        (float("nan"), "–"),
        (9.99996, "10.000"),
    ],
)
def test_numbers_are_written_as_people_read_them(value: float | None, written: str) -> None:
    assert shown(value) == written


def test_shares_and_counts_are_written_short() -> None:
    assert (percent(0.2231), percent(0.0123), percent(1.0)) == ("22%", "1.2%", "100%")
    assert (count(81837.0), count(12.5)) == ("81,837", "12.5")
