"""Which version answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlops_serve.routing import Routes, bounds, place_of


def routes(*shares: float) -> Routes[int]:
    live = tuple(range(len(shares)))
    return Routes(1, live, bounds(shares), live[-1])


@given(st.text(), st.floats(0, 1))
def test_the_same_key_goes_the_same_way(key: str, share: float) -> None:
    assert routes(share, 1 - share).pick(key) == routes(share, 1 - share).pick(key)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_key_stays_with_a_version_whose_share_grows(key: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    if routes(small, 1 - small).pick(key) == 0:
        assert routes(large, 1 - large).pick(key) == 0
    if routes(large, 1 - large).pick(key) == 1:
        assert routes(small, 1 - small).pick(key) == 1


def test_shares_are_kept() -> None:
    chosen = routes(0.05, 0.95)
    count = sum(chosen.pick(f"key {number}") == 0 for number in range(20_000))
    assert 850 < count < 1150


@given(st.text())
def test_places_lie_between_0_and_1(key: str) -> None:
    assert 0 <= place_of(key) <= 1


def test_rounding_leaves_no_key_without_a_version() -> None:
    assert bounds([0.1] * 10)[-1] == float("inf")
