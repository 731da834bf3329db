"""Trials that are behind are ended; others are left alone."""

from __future__ import annotations

import pytest

from mlops.services.halving import Race, is_rung
from mlops.services.searcher import Trial
from mlops.services.space import Choice, Parameter

FAMILY = (Parameter("model", Choice(search="choice", values=["a", "b"]), group=True),)


def test_rungs_grow_by_the_reduction() -> None:
    assert [step for step in range(100) if is_rung(step, grace=3, reduction=3)] == [2, 8, 26, 80]


def test_the_first_at_a_rung_goes_on() -> None:
    race = Race((), 2, 3)
    race.enter(0, {})
    assert not race.is_behind(0, 1, 5.0)


def test_who_is_worse_than_the_best_third_is_behind() -> None:
    race = Race((), 1, 3)
    for number, value in enumerate((3.0, 2.0, 1.0)):
        race.enter(number, {})
        assert not race.is_behind(number, 0, value)
    race.enter(3, {})
    assert race.is_behind(3, 0, 2.5)


def test_between_rungs_nobody_is_behind() -> None:
    race = Race((), 4, 2)
    race.enter(0, {})
    race.enter(1, {})
    race.is_behind(0, 3, 1.0)
    assert [race.is_behind(1, step, 9.0) for step in range(4)] == [False, False, False, True]


def test_families_are_not_compared() -> None:
    race = Race(FAMILY, 1, 2)
    race.enter(0, {"model": "a"})
    race.enter(1, {"model": "b"})
    race.is_behind(0, 0, 1.0)
    assert not race.is_behind(1, 0, 9.0)


def test_trials_of_earlier_runs_count() -> None:
    race = Race((), 1, 2)
    race.take(Trial(0, {}, "done", 1.0, reports={0: 1.0}))
    race.enter(1, {})
    assert race.is_behind(1, 0, 2.0)


@pytest.mark.parametrize("value", [1.0, 1e9])
def test_without_a_first_rung_nobody_is_ended(value: float) -> None:
    race = Race((), 0, 3)
    race.enter(0, {})
    race.enter(1, {})
    assert not any(race.is_behind(number, step, value) for number in (0, 1) for step in range(50))
