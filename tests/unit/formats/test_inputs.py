"""Rows as tensors, and what is said of rows that do not fit."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats.features import Input
from mlops.formats.inputs import NULL_CATEGORY, NULL_TIME, tensors

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


def test_pictures_are_rows_of_pixels() -> None:
    picture = Input(name="picture", kind="image", dtype="List(UInt8)", shape=(1, 2, 2))
    made = tensors(pl.DataFrame({"picture": [[0, 1, 2, 3], [4, 5, 6, 7]]}), [picture])["picture"]
    assert made.dtype == np.float32
    assert made.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_text_that_is_no_time_is_explained() -> None:
    with pytest.raises(StageError, match=r"(?s)'when' has text that is no time.*ISO 8601"):
        tensors(pl.DataFrame({"when": ["soon"]}), [WHEN])
