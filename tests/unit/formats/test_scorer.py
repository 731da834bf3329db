"""One row alone gives what it gives among others, however it is handed over."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mlops.errors import StageError
from mlops.formats.scorer import Scorer

KINDS = {"numeric": TensorProto.FLOAT, "categorical": TensorProto.STRING, "datetime": TensorProto.INT64}


def numeric(name: str, dtype: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "numeric", "dtype": dtype, **more}


INPUTS: list[dict[str, Any]] = [
    numeric("whole", "Int8", expected={"min": -100, "max": 100, "otherwise": "clip"}),
    numeric("number", "Float64", expected={"max": 1e6}),
    numeric("single", "Float64"),
    numeric("flag", "Boolean"),
    {
        "name": "word",
        "kind": "categorical",
        "dtype": "String",
        "expected": {"regex": "[a-c]{1,3}", "otherwise": "impute"},
    },
    {"name": "code", "kind": "categorical", "dtype": "Int64", "expected": {"nullable": False, "allowed": [1, 2]}},
    {"name": "when", "kind": "datetime", "dtype": "Datetime(time_unit='us', time_zone=None)"},
    {"name": "day", "kind": "datetime", "dtype": "Date", "expected": {"min": "2000-01-01"}},
]
DERIVED = [
    {"name": "ratio", "sql": "number / nullif(single, 0)"},
    {"name": "twice", "sql": "ratio * 2 + whole"},
    {"name": "long", "sql": "case when word = 'a' then 'short' else word end"},
]
MADE = [
    numeric("ratio", "Float64"),
    numeric("twice", "Float64"),
    {"name": "long", "kind": "categorical", "dtype": "String"},
]


def scorer(*, derived: bool = True) -> Scorer:
    """A graph whose prediction is a sum over all it takes; text counts by its place in a list."""
    tensors = [*INPUTS, *MADE] if derived else INPUTS
    nodes, parts = [], []
    for item in tensors:
        value = item["name"]
        if item["kind"] == "categorical":
            keys = ["a", "b", "short", "1", "2", "∅"]
            nodes.append(
                helper.make_node(
                    "LabelEncoder",
                    [value],
                    [f"{value}/code"],
                    domain="ai.onnx.ml",
                    keys_strings=keys,
                    values_int64s=list(range(len(keys))),
                    default_int64=-1,
                )
            )
            value = f"{value}/code"
        if item["kind"] != "numeric":
            nodes.append(helper.make_node("Cast", [value], [f"{item['name']}/float"], to=TensorProto.FLOAT))
            value = f"{item['name']}/float"
        parts.append(value)
    nodes.append(helper.make_node("Concat", parts, ["scores"], axis=1))
    nodes.append(helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(item["name"], KINDS[item["kind"]], ["rows", 1]) for item in tensors],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", len(tensors)]),
        ],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    signature = {
        "classes": list(range(len(tensors))),
        "inputs": INPUTS,
        "derived": DERIVED if derived else [],
        "tensors": tensors,
    }
    return Scorer(model.SerializeToString(), signature)


SCORER = scorer()
PLAIN = scorer(derived=False)
ROW = {
    "whole": 5,
    "number": 2.5,
    "single": 0.1,
    "flag": True,
    "word": "ab",
    "code": 1,
    "when": "2020-01-02T03:04:05.678",
    "day": "2020-01-02",
}

VALUES = {
    "whole": st.none()
    | st.integers(-130, 130)
    | st.floats(-200, 200)
    | st.sampled_from([7.0, math.nan, math.inf, "5", True]),
    "number": st.none() | st.floats() | st.integers(-(2**60), 2**60) | st.just("3"),
    "single": st.none() | st.floats() | st.integers(-(2**60), 2**60),
    "flag": st.none() | st.booleans() | st.sampled_from([0, 1, "true"]),
    "word": st.none() | st.text(max_size=4) | st.sampled_from(["a", "abc", "abcd", "a\n", "ß", 3]),
    "code": st.none() | st.integers(0, 3) | st.sampled_from([1.0, "1", True]),
    "when": st.none()
    | st.datetimes().map(lambda when: when.replace(fold=0))
    | st.dates()
    | st.sampled_from(["2020-01-02", "2020-01-02T03:00:00+05:30", "x", 5]),
    "day": st.none()
    | st.dates()
    | st.datetimes().map(lambda when: when.replace(fold=0))
    | st.sampled_from(["2020-01-02", "2020-01-02T00:00", "1999-01-01", ""]),
}


def outcome(score: Any) -> Any:
    """The scores, with NaN equal to itself; or what is said of a bad row."""
    try:
        found = score()
    except StageError as exc:
        return str(exc)
    return {name: "nan" if isinstance(value, float) and math.isnan(value) else value for name, value in found.items()}


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries(VALUES))
@pytest.mark.parametrize("which", [SCORER, PLAIN], ids=["derived", "plain"])
def test_a_row_alone_gives_what_a_frame_gives(which: Scorer, row: dict[str, Any]) -> None:
    twice = outcome(lambda: which.score_rows([row, ROW])[:1].row(0, named=True))
    alone = outcome(lambda: which.score_row(row))
    if isinstance(twice, str):
        assert isinstance(alone, str)
        assert twice.split("\n")[1:] == alone.split("\n")[1:]
    else:
        assert alone == twice


def test_an_ordinary_row_takes_the_short_way() -> None:
    assert SCORER._single.feed(ROW) is not None
    assert PLAIN._single.feed({**ROW, "number": None, "when": None}) is not None


@pytest.mark.parametrize("change", [{"word": "xyz"}, {"whole": 101}, {"code": 3}, {"number": math.inf}, {"flag": 1}])
def test_an_unusual_row_takes_the_long_way(change: dict[str, Any]) -> None:
    assert SCORER._single.feed(ROW | change) is None


def test_a_frame_of_one_row_gives_what_the_row_gives() -> None:
    frame = pl.DataFrame([ROW])
    assert SCORER.score(frame).row(0, named=True) == SCORER.score_row(ROW)


def test_derived_columns_come_from_the_given_ones() -> None:
    found = SCORER.score_row({**ROW, "single": 0.5})
    assert found["score_8"] == pytest.approx(5.0)
    assert found["score_9"] == pytest.approx(15.0)


def test_bad_rows_can_be_left_without_a_prediction() -> None:
    rows = [ROW, {**ROW, "code": 9, "flag": "no"}, ROW]
    found = SCORER.score_rows(rows, bad_rows="null")
    assert found["label"].is_null().to_list() == [False, True, False]
    assert found["error"].to_list() == [
        None,
        "column 'flag': 'no' is text, not true or false; column 'code': 9 is not one of 1, 2",
        None,
    ]


def test_bad_rows_are_refused_by_row_and_column() -> None:
    with pytest.raises(
        StageError, match=r"(?s)1 bad value in 1 of 2 rows.*row 2, column 'number': 2000000\.0 is above"
    ):
        SCORER.score_rows([ROW, {**ROW, "number": 2e6}])


def test_a_row_that_lacks_a_column_is_refused() -> None:
    with pytest.raises(StageError, match=r"'single'.*is missing"):
        SCORER.score_row({key: value for key, value in ROW.items() if key != "single"})


def test_bad_values_are_listed_for_servers() -> None:
    frame = pl.DataFrame([ROW, ROW]).with_columns(code=pl.Series([1, 7]))
    assert [tuple(item) for item in SCORER.check(frame)] == [(2, "code", 7, "is not one of 1, 2")]


def test_whole_numbers_reach_the_graph_as_they_do_in_a_frame() -> None:
    row = {**ROW, "single": 2**53 + 1}
    assert SCORER.score_row(row) == SCORER.score_rows([row, row]).row(0, named=True)


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(StageError, match="column 'code'"):
        SCORER.score_row({**ROW, "word": "a", "code": "\ud800"})


def test_times_before_the_epoch_are_rounded_alike() -> None:
    row = {**ROW, "when": dt.datetime.fromisoformat("1969-12-31T23:59:59.999999")}
    assert SCORER.score_row(row) == SCORER.score(pl.DataFrame([row, row])).row(0, named=True)


def test_features_and_scores_can_be_computed_for_one_row() -> None:
    labels, scores = SCORER.run_row(ROW, ["label", "scores"])
    assert labels.shape == (1,)
    assert scores.dtype == np.float32
