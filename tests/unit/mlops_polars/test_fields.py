from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from mlops_polars.fields import Expression, Moment, near, timedelta_of

expression = TypeAdapter(Expression)
moment = TypeAdapter(Moment)


@pytest.mark.parametrize(
    "sql",
    [
        "a in (select a from read_parquet('/etc/x.parquet'))",
        "a > 1; drop table t",
        "a > 1 -- or not",
        "a > 1 /* or not */",
        "read_csv('/etc/passwd') is not null",
        "scan_parquet ('x') = 1",
        "a > 1 union all b",
        "day < now()",
        "day < CURRENT_DATE",
        "random() < 0.5",
        "  ",
    ],
)
def test_sql_that_is_more_than_an_expression_over_the_table_is_refused(sql: str) -> None:
    with pytest.raises(ValidationError, match=r"not allowed here|empty"):
        expression.validate_python(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "delayed15 is not null",
        "name = 'select; -- now()'",
        '"read_parquet(" > 1',
        "extract(month from day) = 6",
        "table > 50",
        "read in (1, 2)",
    ],
)
def test_refused_words_in_texts_and_names_are_harmless(sql: str) -> None:
    assert expression.validate_python(sql) == sql


@pytest.mark.parametrize("text", ["2013-09-01", "2013-09-01T06:00", "2013-09-01 06:00:00+02:00"])
def test_a_moment_is_iso_text(text: str) -> None:
    assert moment.validate_python(text) == text


@pytest.mark.parametrize("value", ["September", 2013, "2013-13-01"])
def test_a_moment_of_another_kind_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match=r"ISO date|valid string"):
        moment.validate_python(value)


def test_a_duration_counts_its_unit() -> None:
    assert timedelta_of("36h") == timedelta(days=1, hours=12)


def test_near_names_what_was_perhaps_meant() -> None:
    assert near("carier", ["carrier", "origin"]) == "did you mean 'carrier'?"


def test_near_lists_the_names_when_none_is_close() -> None:
    assert near("zzz", ["carrier", "origin"]) == "there are: carrier, origin"
