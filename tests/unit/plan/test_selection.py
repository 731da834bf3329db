from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import ProjectError
from mlops.plan import Selection
from mlops.plan.selection import scope_of
from mlops.plan.wiring import Link, Wiring

NAMES = ("a", "b", "c", "d")
CHAIN = Wiring({"a": (), "b": (Link("x", "a", "x"),), "c": (Link("x", "b", "x"),), "d": (Link("x", "a", "x"),)})


def test_without_a_selection_every_stage_may_run() -> None:
    scope = scope_of(Selection(), NAMES, CHAIN)
    assert scope.shown == NAMES
    assert scope.may_run == set(NAMES)


def test_from_shows_what_is_above_but_does_not_run_it() -> None:
    scope = scope_of(Selection(start="c"), NAMES, CHAIN)
    assert scope.shown == NAMES
    assert scope.may_run == {"c", "d"}


def test_only_shows_what_it_needs() -> None:
    scope = scope_of(Selection(only=("d",)), NAMES, CHAIN)
    assert scope.shown == ("a", "d")
    assert scope.may_run == {"d"}


def test_to_leaves_out_what_comes_after() -> None:
    assert scope_of(Selection(end="b"), NAMES, CHAIN).shown == ("a", "b")


def test_an_unknown_stage_is_named_with_the_nearest() -> None:
    with pytest.raises(ProjectError, match="no stage 'bb'"):
        scope_of(Selection(force=("bb",)), NAMES, CHAIN)


def test_a_start_behind_the_end_is_refused() -> None:
    with pytest.raises(ProjectError, match="--from c comes after --to b"):
        scope_of(Selection(start="c", end="b"), NAMES, CHAIN)


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_whatever_may_run_is_shown_with_all_it_needs(start: str, end: str) -> None:
    if NAMES.index(start) > NAMES.index(end):
        return
    scope = scope_of(Selection(start=start, end=end), NAMES, CHAIN)
    assert scope.may_run <= set(scope.shown)
    for name in scope.may_run:
        assert CHAIN.ancestors(name) <= set(scope.shown)
