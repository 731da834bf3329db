"""Whether a version does worse."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_serve.comparing import Seen, total_variation, verdict
from mlops_serve.strategies import Abort

TERMS = Abort().model_dump()


def seen(count: int, *, seed: int, errors: int = 0, slow: float = 1.0, shift: float = 0.0, yes: float = 0.3) -> Seen:
    chance = random.Random(seed)
    return Seen(
        count=count,
        errors=errors,
        milliseconds=[slow * chance.lognormvariate(0, 0.5) * 10 for _ in range(count)],
        labels=Counter("Yes" if chance.random() < yes else "No" for _ in range(count)),
        values=[chance.gauss(shift, 1) for _ in range(count)],
    )


def test_versions_that_are_alike_pass_however_often_one_looks() -> None:
    for seed in range(300):
        assert verdict(seen(100, seed=seed), seen(400, seed=seed + 1000), TERMS, least=100) == ""


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ({"errors": 60}, "failed 60 of 560 predictions"),
        ({"slow": 6.0}, r"slowest hundredth takes .* times; at most 2"),
        ({"yes": 0.95}, "the labels of both versions are 0.6"),
        ({"shift": 4.0}, "the scores of both versions are"),
    ],
)
def test_a_version_that_does_worse_goes_back(new: dict[str, Any], why: str) -> None:
    said = verdict(seen(500, seed=1, **new), seen(5000, seed=2), TERMS, least=100)
    assert re.search(why, said), said


def test_failures_are_seen_before_there_is_enough_to_compare() -> None:
    assert "failed 8 of 8" in verdict(Seen(errors=8), Seen(), TERMS, least=100)


def test_one_failure_is_no_reason() -> None:
    assert verdict(Seen(count=3, errors=1), Seen(), TERMS, least=100) == ""


def test_few_predictions_are_not_compared() -> None:
    assert verdict(seen(50, seed=1, shift=9.0), seen(5000, seed=2), TERMS, least=100) == ""


def test_a_quick_version_is_never_too_slow() -> None:
    new, old = seen(500, seed=1, slow=0.05), seen(500, seed=2, slow=0.001)
    assert verdict(new, old, TERMS, least=100) == ""


@pytest.mark.parametrize("rule", ["error_rate", "latency", "distribution"])
def test_a_rule_can_be_switched_off(rule: str) -> None:
    worse = {"error_rate": {"errors": 60}, "latency": {"slow": 9.0}, "distribution": {"shift": 4.0}}[rule]
    new = seen(500, seed=1, **worse)  # type: ignore[arg-type] # a number each
    assert verdict(new, seen(5000, seed=2), {**TERMS, rule: None}, least=100) == ""


def test_one_frequent_value_does_not_hide_another() -> None:
    new, old = Seen(count=500, milliseconds=[1.0] * 500), Seen(count=500, milliseconds=[1.0] * 500)
    new.values, old.values = [151.0] * 500, [7.0] * 500
    assert "values of both versions are 1.00 apart" in verdict(new, old, TERMS, least=100)


def test_almost_the_same_value_is_the_same() -> None:
    new, old = Seen(count=500, milliseconds=[1.0] * 500), Seen(count=500, milliseconds=[1.0] * 500)
    new.values, old.values = [7.003] * 500, [7.0] * 500
    assert verdict(new, old, TERMS, least=100) == ""


COUNTS = st.dictionaries(st.integers(0, 5), st.integers(1, 100), min_size=1)


@given(COUNTS, COUNTS)
def test_total_variation_is_a_distance(one: dict[int, int], other: dict[int, int]) -> None:
    assert 0 <= total_variation(one, other) <= 1 + 1e-12
    assert total_variation(one, other) == pytest.approx(total_variation(other, one))
    assert total_variation(one, one) == 0
