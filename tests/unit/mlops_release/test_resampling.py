from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlops_release.outcomes import Outcomes
from mlops_release.resampling import Draws, gain_of

DRAWS = Draws(300, 0.95, seed=1)


def pair(noise: float, *, rows: int = 2_000) -> tuple[Outcomes, Outcomes]:
    """A model that knows the probabilities, and one that sees them through noise."""
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 1.5, rows)
    target = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)

    def of(logit: np.ndarray) -> Outcomes:
        yes = 1 / (1 + np.exp(-logit))
        return Outcomes("binary", np.column_stack([1 - yes, yes]), target, np.ones(rows))

    return of(logit), of(logit + rng.normal(0, noise, rows))


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "f1", "brier"])
def test_a_better_model_gains_whatever_the_direction_of_the_metric(name: str) -> None:
    gain = gain_of(name, *pair(1.5), draws=DRAWS)  # type: ignore[arg-type] # one of the names
    assert gain is not None
    assert 0 < gain.low < gain.value < gain.high


def test_a_model_gains_nothing_over_itself() -> None:
    mine, _ = pair(1)
    gain = gain_of("roc_auc", mine, mine, draws=DRAWS)
    assert gain is not None
    assert (gain.low, gain.value, gain.high) == (0, 0, 0)


def test_the_other_way_round_the_gain_is_lost() -> None:
    mine, other = pair(1)
    gain, loss = gain_of("roc_auc", mine, other, draws=DRAWS), gain_of("roc_auc", other, mine, draws=DRAWS)
    assert gain is not None
    assert loss is not None
    assert (loss.low, loss.high) == pytest.approx((-gain.high, -gain.low))


def test_equal_seeds_give_equal_intervals() -> None:
    assert gain_of("f1", *pair(1), draws=DRAWS) == gain_of("f1", *pair(1), draws=DRAWS)
    assert gain_of("f1", *pair(1), draws=replace(DRAWS, seed=2)) != gain_of("f1", *pair(1), draws=DRAWS)


def test_pairing_makes_the_interval_narrower_than_two_separate_ones() -> None:
    mine, other = pair(0.3)
    gain = gain_of("log_loss", mine, other, draws=DRAWS)
    assert gain is not None
    each = -np.log(np.where(mine.target == 1, mine.positive, 1 - mine.positive))
    alone = 2 * 1.96 * each.std() / np.sqrt(mine.rows)
    assert gain.high - gain.low < alone / 2


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    mine, other = pair(1)
    gain = gain_of("brier", mine, other, draws=Draws(2_000, 0.95, seed=1))
    difference = (other.positive - other.target) ** 2 - (mine.positive - mine.target) ** 2
    spread = np.sqrt(sum((mine.target == k).sum() * difference[mine.target == k].var() for k in (0, 1))) / mine.rows
    assert gain is not None
    assert gain.high - gain.low == pytest.approx(2 * 1.96 * spread, rel=0.06)


def test_a_metric_that_is_undefined_gives_no_gain() -> None:
    mine, other = pair(1)
    alone = mine.target == 1
    assert gain_of("roc_auc", mine.only(alone), other.only(alone), draws=DRAWS) is None


def test_rows_without_weight_do_not_count() -> None:
    mine, other = pair(1)
    weight = np.where(np.arange(mine.rows) < 1_000, 1.0, 0.0)
    weighed = gain_of("log_loss", replace(mine, weight=weight), replace(other, weight=weight), draws=DRAWS)
    half = np.arange(mine.rows) < 1_000
    plain = gain_of("log_loss", mine.only(half), other.only(half), draws=DRAWS)
    assert weighed is not None
    assert plain is not None
    assert weighed.value == pytest.approx(plain.value)
