"""Ranges say what they allow, and parameters when they have a say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops.services.space import KINDS, Choice, Int, LogInt, LogUniform, Parameter, Uniform, active, family, is_mark

SPACE = (
    Parameter("model", Choice(search="choice", values={"a": {}, "b": {}}), group=True),
    Parameter("lr", Uniform(search="uniform", low=0, high=1), when=("model", "a")),
    Parameter("lr", Uniform(search="uniform", low=1, high=2), when=("model", "b")),
)


@pytest.mark.parametrize(
    ("given", "middle"),
    [
        (Uniform(search="uniform", low=1, high=2), 1.5),
        (LogUniform(search="loguniform", low=0.01, high=1), 0.1),
        (Int(search="int", low=1, high=4), 2),
        (LogInt(search="logint", low=4, high=64), 16),
        (Choice(search="choice", values=["x", "y"]), "x"),
    ],
)
def test_the_middle_lies_within(given: Any, middle: Any) -> None:
    assert given.middle() == pytest.approx(middle) if isinstance(middle, float) else given.middle() == middle


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"search": "uniform", "low": 2, "high": 1}, "low must be less than high"),
        ({"search": "uniform", "low": 1, "high": float("inf")}, "low must be less than high"),
        ({"search": "loguniform", "low": 0, "high": 1}, "greater than 0"),
        ({"search": "logint", "low": 0, "high": 9}, "greater than 0"),
        ({"search": "int", "low": 0.5, "high": 9}, "valid integer"),
        ({"search": "choice", "values": []}, "at least 1"),
        ({"search": "choice", "values": [1, 1]}, "listed twice"),
        ({"search": "uniform", "low": 1, "high": 2, "step": 1}, "not permitted"),
    ],
)
def test_a_wrong_range_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        KINDS[given["search"]].model_validate(given)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"search": "uniform", "low": 0, "high": 1}, True),
        ({"search": "unifrom", "low": 0}, True),
        ({"search": "choice"}, True),
        ({"search": "of a stage's own"}, False),
        ({"search": 3, "low": 1}, False),
        ({"low": 1, "high": 2}, False),
        ("uniform", False),
    ],
)
def test_a_range_is_told_from_other_mappings(value: Any, expected: bool) -> None:  # noqa: FBT001 - a parametrised test
    assert is_mark(value) is expected


def test_only_what_lies_below_the_choice_has_a_say() -> None:
    assert active(SPACE, {"model": "b"}) == [SPACE[0], SPACE[2]]


def test_one_key_may_have_two_ranges_under_two_names() -> None:
    assert [parameter.name for parameter in SPACE] == ["model", "lr (model=a)", "lr (model=b)"]


def test_the_family_is_what_was_chosen_of_groups() -> None:
    assert family(SPACE, {"model": "b", "lr": 1.5}) == ("b",)
