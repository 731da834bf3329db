"""Bodies of requests."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_serve.questions import Refused, encode, labels_of, parsed, rows_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert parsed(encode(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "Infinity is no number"),
        (b'{"a": 1, "a": 2}', "'a' stands there twice"),
        (b"\xff\xfe", "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_strict_json_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(Refused) as caught:
        parsed(body)
    assert caught.value.status == 400
    assert why in caught.value.what


def test_a_number_that_json_does_not_have_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(math.nan)


def test_one_row_and_many_are_told_apart() -> None:
    assert rows_of({"x": 1}, most=9) == ([{"x": 1}], True)
    assert rows_of({"rows": [{"x": 1}]}, most=9) == ([{"x": 1}], False)


def test_a_column_called_rows_is_a_column() -> None:
    assert rows_of({"rows": 3}, most=9) == ([{"rows": 3}], True)


@pytest.mark.parametrize(
    ("value", "status"),
    [([], 422), (3, 422), ({"rows": []}, 422), ({"rows": [1]}, 422), ({"rows": [{}] * 10}, 413)],
)
def test_what_is_no_rows_is_refused(value: Any, status: int) -> None:
    with pytest.raises(Refused) as caught:
        rows_of(value, most=9)
    assert caught.value.status == status


def test_labels_come_alone_or_in_a_list() -> None:
    assert labels_of({"id": "a", "label": "Yes"}, ["No", "Yes"], most=9) == [("a", "Yes")]
    assert labels_of({"labels": [{"id": "a", "label": 1.5}]}, [], most=9) == [("a", 1.5)]


@pytest.mark.parametrize(
    ("label", "classes", "why"),
    [
        ("Maybe", ["No", "Yes"], "is not one of 'No', 'Yes'"),
        (True, [0, 1], "is not one of 0, 1"),
        (1.0, [0, 1], "is not one of 0, 1"),
        (None, ["No"], "is not one of"),
        ("3", [], "is not a number"),
        (True, [], "is not a number"),
    ],
)
def test_a_label_that_cannot_be_is_refused(label: Any, classes: list[Any], why: str) -> None:
    with pytest.raises(Refused) as caught:
        labels_of({"id": "a", "label": label}, classes, most=9)
    assert caught.value.status == 422
    assert why in caught.value.details[0].why


@pytest.mark.parametrize(
    "item", [{"id": "a"}, {"label": 1}, {"id": "", "label": 1}, {"id": 3, "label": 1}, 3, {"id": "a\n", "label": 1}]
)
def test_an_id_and_a_label_are_needed(item: Any) -> None:
    with pytest.raises(Refused):
        labels_of({"labels": [item]}, [], most=9)


def test_a_refusal_says_what_where_and_the_fix() -> None:
    with pytest.raises(Refused) as caught:
        labels_of({"labels": [{"id": "a", "label": "x"}]}, [], most=9)
    assert json.loads(caught.value.body()) == {
        "error": "1 bad value in 1 of 1 rows",
        "fix": "GET /schema tells what each column takes",
        "details": [{"row": 1, "column": "label", "why": "is not a number"}],
    }
