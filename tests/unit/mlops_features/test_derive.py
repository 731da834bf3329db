"""Derived columns: the same in training and for rows to be predicted, and never from the target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats import Roles, Splits
from mlops.formats.derived import compiled
from mlops.formats.expectation import Expectation
from mlops.formats.history import Aggregate, HistorySpec
from mlops.formats.inputs import tensors
from mlops.testing import make_context
from mlops_features.derivation import derivation
from mlops_features.features import Features, Made

Make = Callable[..., Splits]
SCHEMA = {"a": pl.Float64(), "b": pl.Int64(), "y": pl.Int64(), "w": pl.Float64()}
ROLES = Roles(target="y", task="regression", weight="w")


def run(splits: Splits, folder: Path, **section: Any) -> Made:
    return Features.model_validate(section).run(splits, context=make_context(folder / "work"))


def test_derived_columns_are_the_same_in_training_and_at_scoring(make_splits: Make, tmp_path: Path) -> None:
    splits = make_splits()
    derive = {"ratio": "amount / nullif(count, 0)", "high": "ratio > 20", "tint": "upper(colour)"}
    made = run(splits, tmp_path, derive=derive, drop=["colour", "amount"])
    facts = made.features.facts
    rows = splits.read("test").select(item.name for item in facts.inputs)
    for expression, _ in compiled(facts.derived, dict(rows.schema)):
        rows = rows.with_columns(expression)
    session = onnxruntime.InferenceSession(made.features.graph, providers=["CPUExecutionProvider"])
    found = session.run(None, tensors(rows, facts.tensors))[0]
    assert np.array_equal(found, made.prepared.matrix("test"), equal_nan=True)
    assert {"ratio", "high", "tint"} < {item.name for item in facts.tensors}


def test_inputs_are_what_people_give(make_splits: Make, tmp_path: Path) -> None:
    made = run(make_splits(), tmp_path, derive={"double": "count * 2"}, columns=["double", "size"])
    facts = made.features.facts
    assert [(item.name, item.kind, item.dtype) for item in facts.inputs] == [
        ("count", "numeric", "Int64"),
        ("size", "categorical", "String"),
    ]
    assert [item.name for item in facts.tensors] == ["size", "double"]
    assert set(facts.example) == {"count", "size"}
    assert (facts.inputs[0].low, facts.inputs[0].high) == (0, 8)


def test_only_what_features_need_is_derived(make_splits: Make, tmp_path: Path) -> None:
    derive = {"one": "count + 1", "two": "one * 2", "unused": "amount * 2"}
    made = run(make_splits(), tmp_path, derive=derive, columns=["two"])
    assert [item.name for item in made.features.facts.derived] == ["one", "two"]


def test_a_derived_column_has_a_kind_and_overrides_like_any(make_splits: Make, tmp_path: Path) -> None:
    section = {"derive": {"odd": "count % 2"}, "columns": ["odd"]}
    made = run(make_splits(), tmp_path, **section, overrides={"odd": {"kind": "categorical", "encode": "onehot"}})
    assert set(made.features.facts.names) == {"odd=0", "odd=1"}


def test_columns_with_another_role_may_be_used(make_splits: Make, tmp_path: Path) -> None:
    made = run(make_splits(), tmp_path, derive={"long": "length(name)"}, columns=["long"])
    assert [item.name for item in made.features.facts.inputs] == ["name"]


def test_contracts_and_history_reach_the_facts(make_splits: Make, tmp_path: Path) -> None:
    past = HistorySpec(
        name="visits",
        entity=("name",),
        time="when",
        event_time="at",
        aggregates=(Aggregate(name="count", function="count"),),
    )
    expected = {"amount": Expectation(min=0, otherwise="clip")}
    roles = Roles(target="kept", task="binary", id=("name",), expected=expected, history=(past,))
    facts = run(make_splits(roles=roles), tmp_path).features.facts
    assert {item.name: item.expected for item in facts.inputs}["amount"] == expected["amount"]
    assert facts.history == (past,)


@pytest.mark.parametrize(
    ("derive", "message"),
    [
        ({"d": "a - y"}, "'d' uses the target 'y'.*compute it from other columns"),
        ({"d": "a * w"}, "uses the weight 'w'"),
        ({"d": "a + aa"}, "uses the column 'aa'.*did you mean 'a'"),
        ({"d": "a +"}, "not an SQL expression"),
        ({"d": "sum(a)"}, "looks at other rows"),
        ({"a": "b + 1"}, "'a' has the name of a column that is there.*another name"),
        ({"e": "d + 1", "d": "a"}, "uses the column 'd', which is not there"),
    ],
)
def test_what_cannot_be_derived_is_explained(derive: dict[str, str], message: str) -> None:
    with pytest.raises(StageError, match=f"(?s){message}"):
        derivation(derive, SCHEMA, roles=ROLES)


def test_a_derived_name_that_the_graph_needs_is_refused(make_splits: Make, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="'scores' has a name that the shipped graph uses"):
        run(make_splits(), tmp_path, derive={"scores": "count + 1"})


def test_an_expression_that_fails_on_a_row_is_named(make_splits: Make, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"(?s)derived column cannot be computed.*features\.derive"):
        run(make_splits(), tmp_path, derive={"d": "CAST(colour AS INTEGER)"})
