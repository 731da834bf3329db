"""Targets as class numbers or values, and what is said of targets that cannot be used."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats import Roles
from mlops_features.target import Target, target_of

NO, YES = "No", "Yes"


def made(
    train: list[Any], held_out: list[Any] | None = None, *, task: Any = "binary", positive: Any = None, **more: Any
) -> Target:
    held_out = train if held_out is None else held_out
    schema = {"y": pl.Series(train).dtype}
    frames = {
        part: pl.DataFrame({"y": values}, schema=schema) for part, values in (("train", train), ("test", held_out))
    }
    parts: Any = {"train": frames["train"], "validation": frames["test"], "test": frames["test"]}
    return target_of(parts, Roles(**{"target": "y", "task": task, **more}), positive=positive)


def codes(target: Target, values: list[Any]) -> list[Any]:
    return target.prepare(pl.DataFrame({"y": values}))[0].to_list()


def test_the_last_label_is_positive() -> None:
    target = made([YES, NO, NO])
    assert target.classes == (NO, YES)
    assert codes(target, [NO, YES]) == [0, 1]


def test_another_label_can_be_positive() -> None:
    assert made([YES, NO], positive=NO).classes == (YES, NO)


def test_whole_numbers_given_as_floats_are_whole_labels() -> None:
    target = made([0.0, 1.0, 1.0])
    assert target.classes == (0, 1)
    assert codes(target, [1.0, 0.0]) == [1, 0]


def test_true_and_false_are_labels() -> None:
    assert made([True, False]).classes == (False, True)


def test_many_classes_are_sorted() -> None:
    assert made(["c", "a", "b"], task="multiclass").classes == ("a", "b", "c")


def test_values_stay_values() -> None:
    target = made([1, 2, 3], task="regression")
    assert target.classes == ()
    assert target.prepare(pl.DataFrame({"y": [2]}))[0].dtype == pl.Float64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": [NO, None]}, "missing in 1 rows of the train part.*filter: y IS NOT NULL"),
        ({"train": [1.0, float("nan")], "task": "regression"}, "missing in 1 rows of the train part"),
        ({"train": [NO, YES], "held_out": [None]}, "missing in 1 rows of the validation part"),
        ({"train": [NO, NO]}, "every train row has the target 'No'"),
        ({"train": ["a", "b", "c"]}, "binary, but train rows have the targets 'a', 'b', 'c'.*multiclass"),
        ({"train": [NO, YES], "held_out": ["Maybe"]}, "validation part have a target that no train row has: 'Maybe'"),
        ({"train": [0.5, 1.5]}, "no classes but values.*task: regression"),
        ({"train": [NO, YES], "task": "regression"}, "regression predicts numbers"),
        ({"train": [NO, YES], "positive": True}, "no label True.*'No' or 'Yes'"),
        ({"train": ["a", "b"], "task": "multiclass", "positive": "a"}, "only a binary target"),
        ({"train": [NO, YES], "task": None}, "the data has no task"),
        ({"train": [NO, YES], "target": None}, "the data has no target"),
        ({"train": []}, "the train part has no rows"),
        ({"train": [-1, 1], "weight": "y"}, "weight 'y' is missing or negative"),
    ],
)
def test_a_target_that_cannot_be_used_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=f"(?s){message}"):
        made(**arguments)
