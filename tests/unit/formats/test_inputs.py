"""Rows as tensors, and what is said of rows that do not fit."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats.features import Input
from mlops.formats.inputs import NULL_CATEGORY, NULL_TIME, check_columns, tensors

AMOUNT = Input(name="amount", kind="numeric", dtype="Int64")
COLOUR = Input(name="colour", kind="categorical", dtype="String")
NUMBER = Input(name="number", kind="categorical", dtype="Int64")
WHEN = Input(name="when", kind="datetime", dtype="Datetime(time_unit='us', time_zone=None)")


def test_numbers_become_float32_and_null_nan() -> None:
    made = tensors(pl.DataFrame({"amount": [1, None]}), [AMOUNT])["amount"]
    assert made.dtype == np.float32
    assert made.shape == (2, 1)
    assert np.isnan(made[1, 0])


def test_truth_values_are_one_and_zero() -> None:
    assert tensors(pl.DataFrame({"amount": [True, False]}), [AMOUNT])["amount"].ravel().tolist() == [1, 0]


def test_categories_become_text_and_null_its_sign() -> None:
    frame = pl.DataFrame({"colour": ["red", None], "number": [7, None]})
    made = tensors(frame, [COLOUR, NUMBER])
    assert made["colour"].ravel().tolist() == ["red", NULL_CATEGORY]
    assert made["number"].ravel().tolist() == ["7", NULL_CATEGORY]


def test_pooled_text_is_text() -> None:
    frame = pl.DataFrame({"colour": ["red"]}, schema={"colour": pl.Categorical})
    assert tensors(frame, [COLOUR])["colour"].ravel().tolist() == ["red"]


@pytest.mark.parametrize(
    "when", ["1970-01-02", "1970-01-02T00:00:00", "1970-01-02T00:00:00Z", "1970-01-02T01:00+01:00"]
)
def test_text_can_be_a_time(when: str) -> None:
    assert tensors(pl.DataFrame({"when": [when]}), [WHEN])["when"].tolist() == [[86_400_000]]


def test_times_become_milliseconds_and_null_its_sign() -> None:
    frame = pl.DataFrame({"when": [dt.datetime.fromisoformat("1969-12-31T23:59:59"), None]})
    assert tensors(frame, [WHEN])["when"].ravel().tolist() == [-1_000, NULL_TIME]


def test_a_column_of_nulls_fits_every_kind() -> None:
    nulls = pl.DataFrame({"amount": [None], "colour": [None], "when": [None]})
    made = tensors(nulls, [AMOUNT, COLOUR, WHEN])
    assert made["when"].tolist() == [[NULL_TIME]]
    assert made["colour"].tolist() == [[NULL_CATEGORY]]


def test_other_columns_are_ignored() -> None:
    assert list(tensors(pl.DataFrame({"other": [1], "amount": [2]}), [AMOUNT])) == ["amount"]


@pytest.mark.parametrize(
    ("frame", "item", "message"),
    [
        ({"amuont": [1]}, AMOUNT, r"'amount' \(a number or true/false\) is missing \(is it 'amuont'\?\)"),
        ({"amount": ["1"]}, AMOUNT, "'amount' is String, expected a number"),
        ({"colour": [1]}, COLOUR, "'colour' is Int64, expected a category given as String"),
        ({"number": [1.0]}, NUMBER, "'number' is Float64, expected a category given as Int64"),
        ({"number": ["1"]}, NUMBER, "'number' is String"),
        ({"when": [1]}, WHEN, "'when' is Int64, expected a date, a time stamp or ISO 8601 text"),
        ({"when": ["soon"]}, WHEN, "(?s)'when' has text that is no time.*ISO 8601"),
    ],
)
def test_rows_that_do_not_fit_are_explained(frame: dict[str, list[object]], item: Input, message: str) -> None:
    with pytest.raises(StageError, match=message):
        tensors(pl.DataFrame(frame), [item])


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(StageError, match=r"(?s)'amount'.*'colour'"):
        check_columns(pl.DataFrame({"amount": ["1"]}), [AMOUNT, COLOUR])
