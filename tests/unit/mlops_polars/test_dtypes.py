from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_polars.dtypes import constant, conversion, is_safe, name_of, type_named
from mlops_polars.fields import TypeName


def converted(values: list[Any], word: TypeName) -> list[Any]:
    series = pl.Series("a", values)
    expr = conversion(pl.col("a"), series.dtype, type_named(word))
    assert expr is not None
    return series.to_frame().select(expr).to_series().to_list()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_survive_a_round_trip_through_text(numbers: list[int]) -> None:
    assert converted([str(number) for number in numbers], "int64") == numbers


@given(st.lists(st.floats(allow_nan=False, width=64), min_size=1))
def test_a_float_becomes_an_integer_only_when_it_is_one(numbers: list[float]) -> None:
    expected = [int(n) if n.is_integer() and -128 <= n <= 127 else None for n in numbers]
    assert converted(numbers, "int8") == expected


@given(st.lists(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)), min_size=1))  # noqa: DTZ001 - columns without a zone
def test_datetimes_survive_a_round_trip_through_iso_text(moments: list[datetime]) -> None:
    assert converted([moment.isoformat() for moment in moments], "datetime") == moments


@pytest.mark.parametrize(
    ("values", "word", "expected"),
    [
        (["yes", "NO", " 1 ", "perhaps"], "boolean", [True, False, True, None]),
        ([0, 1, 2], "boolean", [False, True, None]),
        (["5.0", " 7 ", "5.5", "x"], "int8", [5, 7, None, None]),
        (["300"], "int8", [None]),
        (["1.5", "x"], "float64", [1.5, None]),
        (["2013-09-01", "01/09/2013"], "date", [date(2013, 9, 1), None]),
        (["x", "y"], "categorical", ["x", "y"]),
        ([1, 2], "categorical", ["1", "2"]),
        ([True, False], "int8", [1, 0]),
        ([1, None], "string", ["1", None]),
        ([None, None], "int8", [None, None]),
    ],
)
def test_a_value_without_an_equal_becomes_null(values: list[Any], word: TypeName, expected: list[Any]) -> None:
    assert converted(values, word) == expected


def test_text_in_several_iso_forms_is_one_column_of_datetimes() -> None:
    texts = [
        "2013-09-01",
        "2013-09-01 06:00",
        "2013-09-01T06:00:00.5",
        "2013-09-01T06:00:00Z",
        "2013-09-01T06:00:00+02:00",
    ]
    hours = [moment.hour + moment.microsecond / 1e6 for moment in converted(texts, "datetime")]
    assert hours == [0, 6, 6.5, 6, 4]


def test_numbers_are_not_datetimes() -> None:
    assert conversion(pl.col("a"), pl.Int64(), pl.Datetime()) is None


def test_only_conversions_that_always_fit_are_safe() -> None:
    assert is_safe(pl.Int8(), pl.Int32())
    assert is_safe(pl.UInt8(), pl.Int16())
    assert not is_safe(pl.Int32(), pl.UInt64())
    assert not is_safe(pl.Float64(), pl.Int64())


def test_types_beyond_a_recipe_have_no_name() -> None:
    assert name_of(pl.List(pl.Int8)) is None
    assert name_of(pl.Datetime("ns", "UTC")) == "datetime"
    assert name_of(pl.Enum(["a"])) == "categorical"


def test_a_constant_takes_the_zone_of_its_column() -> None:
    assert constant("2013-09-01", pl.Datetime("us", "UTC")) == datetime(2013, 9, 1, tzinfo=UTC)
    assert constant("2013-09-01T02:00+02:00", pl.Datetime("us")) == datetime(2013, 9, 1)  # noqa: DTZ001 - no zone
    assert constant("2013-09-01T06:00", pl.Date()) == date(2013, 9, 1)


@pytest.mark.parametrize(
    ("value", "dtype"), [("x", pl.Int8()), (1, pl.String()), (True, pl.Int8()), (1, pl.Date()), (1, pl.Boolean())]
)
def test_a_constant_of_another_kind_is_refused(value: Any, dtype: pl.DataType) -> None:
    with pytest.raises(ValueError, match="does not fit a column"):
        constant(value, dtype)
