from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlops_evaluate.families import prepare
from mlops_evaluate.resampling import intervals, multiplicities
from mlops_evaluate.scored import Scored

Make = Callable[..., Any]


def test_resamples_keep_the_size_of_every_stratum() -> None:
    strata = np.array([0] * 30 + [1] * 5 + [2])
    for times in multiplicities(strata, resamples=20, seed=1):
        assert np.bincount(strata, weights=times).tolist() == [30, 5, 1]


def test_equal_seeds_draw_equal_rows() -> None:
    strata = np.zeros(50, np.int64)
    one, other = (list(multiplicities(strata, resamples=3, seed=4)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_other_seeds_draw_other_rows() -> None:
    strata = np.zeros(50, np.int64)
    one, other = (next(multiplicities(strata, resamples=1, seed=seed)) for seed in (4, 5))
    assert (one != other).any()


def bounds(
    scored: Scored, names: Any, *, resamples: int = 400, confidence: float = 0.95, task: Any = "regression"
) -> Any:
    measures = prepare(task, names, scored, threshold=0.5)
    times = multiplicities(np.zeros(scored.rows, np.int64), resamples=resamples, seed=0)
    return intervals(measures, scored, times, confidence=confidence)


def test_interval_of_a_mean_is_the_textbook_one() -> None:
    error = np.random.default_rng(2).normal(3, 2, 2_000)
    scored = Scored(error[:, None], np.zeros(2_000), np.ones(2_000))
    found = bounds(scored, ("mean_error",), resamples=2_000)["mean_error"]
    half = 1.96 * error.std(ddof=1) / np.sqrt(2_000)
    assert found.low == pytest.approx(error.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(error.mean() + half, abs=0.1 * half)


def test_more_confidence_gives_a_wider_interval(values: Make) -> None:
    scores, target = values()
    scored = Scored(scores, target, np.ones(400))
    wide, narrow = (bounds(scored, ("mae",), confidence=share)["mae"] for share in (0.99, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_no_resamples_give_no_interval_and_say_so(values: Make) -> None:
    scores, target = values()
    found = bounds(Scored(scores, target, np.ones(400)), ("mae",), resamples=0)["mae"]
    assert (found.low, found.high, found.reason) == (None, None, "no resamples were asked for")


def test_a_metric_that_is_often_undefined_gets_no_interval() -> None:
    scored = Scored(np.array([[1.0], [2.0]]), np.array([0.0, 1.0]), np.ones(2))
    found = bounds(scored, ("r2",), resamples=100)["r2"]
    assert found.low is None
    assert "of 100 resamples" in found.reason


def test_resamples_of_weightless_rows_do_not_fail() -> None:
    scored = Scored(np.array([[1.0], [2.0]]), np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    assert "undefined in" in bounds(scored, ("mae",), resamples=50)["mae"].reason


def test_metrics_that_resampling_distorts_get_a_reason_instead(binary: Make) -> None:
    scores, target = binary()
    found = bounds(Scored(scores, target, np.ones(400)), ("ece", "brier"), task="binary")
    assert found["ece"].reason == "resampling inflates a binned gap"
    assert found["brier"].low is not None
