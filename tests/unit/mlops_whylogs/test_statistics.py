from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlops_whylogs.statistics import (
    chi_square_tail,
    homogeneity,
    kolmogorov_tail,
    rejected,
    stability,
    two_shares,
    variation,
)


@pytest.mark.parametrize("distance", [0.02, 0.05, 0.08, 0.12])
def test_kolmogorov_tail_is_that_of_scipy(distance: float) -> None:
    exact = stats.kstwobign.sf(distance * np.sqrt(1000 * 2000 / 3000))
    assert kolmogorov_tail(distance, 1000, 2000) == pytest.approx(exact, rel=0.15, abs=0.02)


def test_kolmogorov_tail_of_no_distance_is_one() -> None:
    assert kolmogorov_tail(0.0, 100, 100) == 1.0


@given(st.floats(0.01, 60), st.integers(2, 40))
def test_chi_square_tail_is_close_to_scipy(value: float, degrees: int) -> None:
    assert chi_square_tail(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), abs=0.02)


def test_homogeneity_is_pearsons_test() -> None:
    one, other = {"a": 400, "b": 350, "c": 250}, {"a": 180, "b": 190, "c": 130}
    exact = stats.chi2_contingency([[400, 350, 250], [180, 190, 130]], correction=False).pvalue
    assert homogeneity(one, other) == pytest.approx(exact, abs=0.01)


def test_rare_classes_are_tested_together() -> None:
    one = {"a": 1000, **{f"rare{i}": 1 for i in range(50)}}
    other = {"a": 1000, **{f"other{i}": 1 for i in range(50)}}
    assert homogeneity(one, other) > 0.05


def test_variation_is_half_the_difference_of_shares() -> None:
    assert variation({"a": 50, "b": 50}, {"a": 10, "b": 90}) == pytest.approx(0.4)


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 100), min_size=1, max_size=10))
def test_same_counts_do_not_vary(counts: dict[str, int]) -> None:
    assert variation(counts, counts) == 0.0
    assert homogeneity(counts, counts) > 0.9


def test_two_shares_agree_with_the_normal_test() -> None:
    table = [[30, 470], [90, 910]]
    exact = stats.chi2_contingency(table, correction=True).pvalue
    assert two_shares(30, 500, 90, 1000) == pytest.approx(exact, rel=0.05)


def test_two_shares_of_nothing_are_alike() -> None:
    assert two_shares(0, 100, 0, 50) == 1.0


def test_stability_is_zero_for_equal_shares() -> None:
    assert stability(np.full(10, 0.1), np.full(10, 0.1)) == 0.0


def test_stability_follows_its_definition() -> None:
    p, q = np.array([0.5, 0.5]), np.array([0.2, 0.8])
    assert stability(p, q) == pytest.approx(float(((q - p) * np.log(q / p)).sum()))


def test_holm_rejects_step_by_step() -> None:
    assert rejected([0.001, 0.02, 0.04, 0.9], 0.05) == [True, False, False, False]
    assert rejected([0.001, 0.012, 0.02, 0.04], 0.05) == [True, True, True, True]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.2))
def test_holm_rejects_at_least_what_bonferroni_does(p: list[float], level: float) -> None:
    found = rejected(p, level)
    assert all(spoken for spoken, value in zip(found, p, strict=True) if value <= level / len(p))
    assert not any(spoken for spoken, value in zip(found, p, strict=True) if value > level)
