"""What is wrong with rows to be predicted, and what the contract makes of it."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats.expectation import Expectation
from mlops.formats.features import Input, Kind
from mlops.formats.rowcheck import RowCheck, frame_of, refusal

UTC = dt.UTC
DATETIME = "Datetime(time_unit='us', time_zone=None)"


def column(dtype: str, *, kind: Kind = "numeric", **expected: Any) -> RowCheck:
    item = Input(name="x", kind=kind, dtype=dtype, expected=Expectation(**expected) if expected else None)
    return RowCheck([item])


def given(*values: Any) -> pl.DataFrame:
    return frame_of([{"x": value} for value in values], ["x"])


def whys(check: RowCheck, *values: Any, text: bool = False) -> list[str]:
    return [item.why for item in check.check(given(*values), text=text).bad_values()]


def kept(check: RowCheck, *values: Any, text: bool = False) -> list[Any]:
    return check.check(given(*values), text=text).frame["x"].to_list()


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        ("Int8", [1, 2.0, None, math.nan], [1, 2, None, None]),
        ("Float64", [1, 2.5, None], [1.0, 2.5, None]),
        ("Float32", [1, 2.5], [1.0, 2.5]),
        ("Boolean", [True, None], [True, None]),
        ("String", ["a", None], ["a", None]),
        ("Categorical", ["a"], ["a"]),
        ("Enum(categories=['a'])", ["a", "new"], ["a", "new"]),
        ("Date", ["2020-01-02", dt.date(2020, 1, 2)], [dt.date(2020, 1, 2)] * 2),
        (
            DATETIME,
            ["2020-01-02T03:00+01:00", dt.date(2020, 1, 2)],
            [dt.datetime.fromisoformat("2020-01-02T02:00"), dt.datetime.fromisoformat("2020-01-02")],
        ),
        ("Datetime(time_unit='ms', time_zone='UTC')", ["2020-01-02"], [dt.datetime(2020, 1, 2, tzinfo=UTC)]),
    ],
)
def test_values_that_have_an_equal_in_training_are_taken(dtype: str, values: list[Any], expected: list[Any]) -> None:
    check = column(dtype)
    assert whys(check, *values) == []
    assert kept(check, *values) == expected


@pytest.mark.parametrize(
    ("dtype", "value", "why"),
    [
        ("Int8", 300, "does not fit Int8"),
        ("Int8", 2**70, "does not fit Int8"),
        ("Int8", 1.5, "is not a whole number"),
        ("Int8", "12", "is text, not a whole number"),
        ("Int8", True, "is true or false, not a whole number"),
        ("Int64", math.inf, "is infinite, or too large for a float32"),
        ("Float64", "12x", "is text, not a number"),
        ("Float64", -math.inf, "is infinite, or too large for a float32"),
        ("Float64", 1e39, "is infinite, or too large for a float32"),
        ("Float64", {"a": 1}, "is Struct({'a': Int64}), not a number"),
        ("Float64", [1], "is List(Int64), not a number"),
        ("Boolean", 1, "is a number, not true or false"),
        ("Boolean", "true", "is text, not true or false"),
        ("String", 7, "is a number, not text"),
        ("Date", "2020-01-02T05:00", "has a time of day, and a date has none"),
        (DATETIME, "soon", "is not a time in ISO 8601"),
        (DATETIME, 5, "is a number, not a time"),
    ],
)
def test_values_without_an_equal_in_training_are_refused(dtype: str, value: Any, why: str) -> None:
    assert whys(column(dtype), value) == [why]


def test_mixed_values_are_judged_one_by_one() -> None:
    found = list(column("Int64").check(given(1, "12x", 2.0, None, 2.5)).bad_values())
    assert [(item.row, item.value) for item in found] == [(2, "12x"), (5, 2.5)]


def test_a_value_that_only_some_rows_lack_is_named() -> None:
    frame = frame_of([{"x": 1}, {}], ["x"])
    assert [str(item) for item in column("Int64").check(frame).bad_values()] == [
        "row 2, column 'x': the value is not given"
    ]


def test_a_missing_column_is_named_with_what_is_near() -> None:
    with pytest.raises(StageError, match=r"'x' \(a whole number\) is missing \(is it 'xx'\?\)"):
        column("Int64").check(pl.DataFrame({"xx": [1]}))


def test_a_missing_column_is_imputed_where_the_contract_says_so() -> None:
    assert column("Int64", otherwise="impute").check(pl.DataFrame({"y": [1, 2]})).frame["x"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("dtype", "rules", "value", "why"),
    [
        ("Int64", {"nullable": False}, None, "is missing"),
        ("Float64", {"nullable": False}, math.nan, "is missing"),
        ("Int64", {"min": 3}, 2, "is below 3"),
        ("Int8", {"min": 0.5, "max": 1000}, 0, "is below 0.5"),
        ("Float64", {"max": 3}, 3.5, "is above 3"),
        ("String", {"allowed": ("a", "b")}, "c", "is not one of 'a', 'b'"),
        ("Categorical", {"allowed": ("a",)}, "c", "is not one of 'a'"),
        ("Int8", {"allowed": (0, 1)}, 2, "is not one of 0, 1"),
        ("Boolean", {"allowed": (True,)}, False, "is not one of True"),
        ("String", {"regex": "[A-Z]{3}"}, "ABCD", "does not match [A-Z]{3}"),
        (DATETIME, {"min": "2020-01-01"}, "2019-12-31", "is below 2020-01-01"),
        ("Date", {"max": "2020-01-01"}, "2020-01-02", "is above 2020-01-01"),
        ("String", {"min": "b"}, "a", "is below b"),
    ],
)
def test_what_the_contract_forbids_is_refused_imputed_or_clipped(
    dtype: str, rules: dict[str, Any], value: Any, why: str
) -> None:
    assert whys(column(dtype, **rules), value) == [why]
    assert kept(column(dtype, otherwise="impute", **rules), value) == [None]
    assert whys(column(dtype, otherwise="impute", **rules), value) == []


def test_numbers_are_clipped_to_the_nearest_bound() -> None:
    check = column("Int8", min=0, max=100, otherwise="clip")
    assert kept(check, -5, 300, 50, 1.5, math.inf, "x") == [0, 100, 50, None, 100, None]


def test_times_are_clipped_to_the_nearest_bound() -> None:
    check = column("Date", min="2020-01-01", otherwise="clip")
    assert kept(check, "2019-01-01", "2021-01-01", "soon") == [dt.date(2020, 1, 1), dt.date(2021, 1, 1), None]


def test_what_lies_beyond_no_bound_is_taken_as_missing() -> None:
    assert kept(column("Float64", min=0.0, otherwise="clip"), math.inf, -math.inf) == [None, 0.0]


def test_a_missing_value_passes_every_rule_but_nullable() -> None:
    assert whys(column("Float64", min=0.0, allowed=(1.0,)), None, math.nan) == []


def test_a_contract_that_does_not_fit_its_column_is_an_error() -> None:
    with pytest.raises(StageError, match=r"(?s)contract of 'x' says min: 'a'.*validate\.columns\.x\.min"):
        column("Int64", min="a")


@pytest.mark.parametrize(
    ("dtype", "texts", "expected"),
    [
        ("Int64", ["1", " 2 ", "3.0", "9007199254740993", None], [1, 2, 3, 9007199254740993, None]),
        ("Float64", ["1", "2.5", "1e3"], [1.0, 2.5, 1000.0]),
        ("Boolean", ["true", "No", "1"], [True, False, True]),
        ("String", ["1", ""], ["1", ""]),
        ("Int64", ["", "1"], [None, 1]),
        ("Date", ["2020-01-02", ""], [dt.date(2020, 1, 2), None]),
    ],
)
def test_text_files_write_every_type_as_text(dtype: str, texts: list[Any], expected: list[Any]) -> None:
    assert whys(column(dtype), *texts, text=True) == []
    assert kept(column(dtype), *texts, text=True) == expected


def test_a_number_that_is_none_is_found_in_a_text_file_beside_large_ones() -> None:
    check = column("Int64")
    assert whys(check, "9007199254740993", "12x", "1.5", text=True) == ["is not a whole number"] * 2
    assert kept(check, "9007199254740993", "12x", text=True) == [9007199254740993, None]


def test_a_refusal_lists_the_first_bad_values_and_counts_all() -> None:
    checked = column("Int64").check(pl.DataFrame({"x": ["a"] * 25}))
    told = str(refusal(checked, first=101, where="new.csv"))
    assert "25 bad values in 25 of 25 rows" in told
    assert "row 101, column 'x': 'a' is text, not a whole number" in told
    assert "row 110" in told
    assert "row 111" not in told
    assert "… and 15 more" in told
    assert "where: new.csv" in told


def test_pictures_are_read_and_bad_ones_named() -> None:
    picture = Input(name="x", kind="image", dtype="List(Int64)", shape=(1, 1, 2))
    checked = RowCheck([picture]).check(pl.DataFrame({"x": [[1, 2], [1], None]}))
    assert [item.row for item in checked.bad_values()] == [2, 3]
    assert checked.pictures["x"].tolist() == [[1, 2], [0, 0], [0, 0]]


def test_no_rows_are_no_fault() -> None:
    checked = column("Int64").check(pl.DataFrame({"x": []}, schema={"x": pl.String}))
    assert not checked.faults
    assert np.array_equal(checked.bad_rows(), np.zeros(0, dtype=bool))
