"""Derived columns: what may be computed, and the same whether rows come alone or together."""

from __future__ import annotations

import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats.derivation import Derivation
from mlops.formats.derived import Derived, compiled, needed_columns

SCHEMA: dict[str, pl.DataType] = {
    "a": pl.Int64(),
    "b": pl.Float64(),
    "word": pl.String(),
    "when": pl.Datetime("us"),
    "kind": pl.Categorical(),
}


def derive(*pairs: tuple[str, str]) -> list[Derived]:
    return [Derived(name=name, sql=sql) for name, sql in pairs]


def test_an_expression_may_use_what_was_derived_before() -> None:
    made = compiled(derive(("half", "a / 2"), ("quarter", "half / 2")), SCHEMA)
    assert [expr.meta.output_name() for expr, _ in made] == ["half", "quarter"]


def test_needed_columns_are_those_that_people_give() -> None:
    derived = derive(("half", "a / 2"), ("both", "half + b"), ("unused", "word"))
    assert needed_columns(derived, ["both", "when"]) == ("a", "b", "when")


@pytest.mark.parametrize(
    "sql",
    [
        "a / nullif(b, 0)",
        "case when word = 'Len' then 1 else 0 end",
        "substr(word, 1, 2)",
        "a in (1, 2)",
        "greatest(a, b)",
        "date_part('hour', when)",
        "coalesce(b, 0)",
        "cast(word as int)",
        "kind = 'x'",
        "1",
    ],
)
def test_what_looks_at_its_own_row_is_taken(sql: str) -> None:
    compiled(derive(("made", sql)), SCHEMA)


@pytest.mark.parametrize(
    "sql",
    [
        "sum(a)",
        "a - avg(a)",
        "case when a = 1 then max(b) else 0 end",
        "count(*)",
        "rank() over (order by a)",
        "row_number() over (order by a)",
        "lag(a) over (order by a)",
        "sum(a) over (partition by word)",
        "corr(a, b)",
        "median(a)",
        "first(a)",
        "count(distinct a)",
        "string_agg(word, ',')",
    ],
)
def test_what_looks_at_other_rows_is_refused(sql: str) -> None:
    with pytest.raises(StageError, match=r"(?s)'made' looks at other rows.*features\.derive\.made"):
        compiled(derive(("made", sql)), SCHEMA)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("a +", "is not an SQL expression"),
        ("aa + 1", r"(?s)uses the column 'aa'.*"),
        ("word + when", "does not fit the columns"),
    ],
)
def test_mistakes_are_named(sql: str, message: str) -> None:
    with pytest.raises(StageError, match=message):
        compiled(derive(("made", sql)), SCHEMA)


def test_steps_follow_what_depends_on_what() -> None:
    derived = derive(("x", "a + 1"), ("y", "b + 1"), ("z", "x * y"), ("a", "z"), ("w", "a"))
    made = Derivation(derived, SCHEMA)
    assert [[expr.meta.output_name() for expr in step] for step in made._steps] == [["x", "y"], ["z"], ["a"], ["w"]]
    frame = pl.DataFrame({"a": [1, 2], "b": [1.0, 2.0]})
    assert made.derive(frame)["w"].to_list() == [4.0, 9.0]
    assert made.made(frame)["w"].to_list() == [4.0, 9.0]


def test_an_expression_that_fails_on_a_row_is_named() -> None:
    made = Derivation(derive(("number", "cast(word as int)")), SCHEMA)
    with pytest.raises(StageError, match=r"(?s)derived column cannot be computed.*number"):
        made.derive(pl.DataFrame({"word": ["x"]}))


@pytest.mark.parametrize("sql", ["now()", "CURRENT_TIMESTAMP", "when < current_date", "today ( )"])
def test_what_asks_the_clock_is_refused(sql: str) -> None:
    with pytest.raises(StageError, match="answer changes from run to run"):
        compiled(derive(("made", sql)), SCHEMA)


def test_a_quoted_name_that_looks_like_a_clock_is_a_name() -> None:
    compiled(derive(("made", "\"now (utc)\" = 'now()'")), {"now (utc)": pl.String()})
