from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from mlops.errors import ContractBroken, StageError
from mlops.formats.expectation import Expectation
from mlops.formats.validation import Validation
from mlops.testing import make_context
from mlops_polars.validate import Validate, Validated

Judge = Callable[..., Validated]

ROWS = {"id": [1, 2, 3, 4], "carrier": ["AA", "UA", None, "XX"], "delay": [-3.0, 20.0, None, 900.0]}


def rule(validation: Validation, name: str) -> dict[str, Any]:
    return next(item for item in validation.rules if item["name"] == name)


def test_a_kept_contract_passes_every_row_on(judge: Judge) -> None:
    columns = {"id": {"type": "int64", "nullable": False, "unique": True, "min": 1}}
    judged = judge(ROWS, columns=columns, rows={"min": 4, "max": 4})
    assert judged.table.read().equals(pl.DataFrame(ROWS))
    assert judged.validation.summary() == "6 rules, 0 broken, 0 rows in quarantine"


def test_all_broken_rules_are_reported_together(judge: Judge) -> None:
    with pytest.raises(ContractBroken) as caught:
        judge(
            ROWS,
            columns={
                "id": {"max": 3, "type": "string", "unique": True},
                "carrier": {"nullable": False, "allowed": ["AA", "UA"], "severity": "quarantine"},
                "delay": {"max": 500},
                "airport": {"type": "string"},
            },
            rules=[{"name": "small", "sql": "delay < 10", "severity": "warn"}],
            rows={"min": 10},
        )
    text = str(caught.value)
    assert "breaks 8 rules of its contract, 5 of severity fail" in text
    for line in (
        "id.type (fail): the column is int64, not string",
        "delay.max (fail): 1 of 4 rows (25.00%), as row 4: 900.0",
        "carrier.nullable (quarantine): 1 of 4 rows (25.00%), as row 3: None",
        "carrier.allowed (quarantine): 1 of 4 rows (25.00%), as row 4: 'XX'",
        "small (warn): 2 of 4 rows (50.00%), as row 2: 20.0, row 4: 900.0",
        "airport.required (fail): there is no column 'airport'",
        "rows.min (fail): there are 4 rows, fewer than 10",
    ):
        assert line in text


def test_quarantined_rows_are_kept_with_the_rules_they_break(judge: Judge) -> None:
    judged = judge(
        ROWS,
        severity="quarantine",
        columns={"carrier": {"nullable": False, "allowed": ["AA", "UA"]}, "delay": {"max": 500}},
    )
    assert judged.table.read()["id"].to_list() == [1, 2]
    aside = pl.read_parquet(judged.validation.folder / "quarantine.parquet")
    assert aside.select("id", "rule").rows() == [(3, "carrier.nullable"), (4, "carrier.allowed; delay.max")]
    assert judged.validation.read_json("validation.json")["quarantined"] == 2


def test_a_column_called_rule_is_not_overwritten(judge: Judge) -> None:
    judged = judge({"rule": [1, 2]}, columns={"rule": {"max": 1, "severity": "quarantine"}})
    assert pl.read_parquet(judged.validation.folder / "quarantine.parquet").rows() == [(2, "rule.max")]


def test_a_warning_is_logged_and_recorded(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        judged = judge(ROWS, columns={"delay": {"max": 500, "severity": "warn"}})
    assert judged.table.rows == 4
    assert "delay.max (warn): 1 of 4 rows" in caplog.text
    found = rule(judged.validation, "delay.max")
    assert (found["passed"], found["broken"], found["share"], found["examples"]) == (
        False,
        1,
        0.25,
        [{"row": 4, "value": 900.0}],
    )


def test_at_most_five_examples_are_kept(judge: Judge) -> None:
    judged = judge({"n": list(range(100))}, columns={"n": {"max": 49, "severity": "warn"}})
    assert [example["row"] for example in rule(judged.validation, "n.max")["examples"]] == [51, 52, 53, 54, 55]


@pytest.mark.parametrize("check", [{"allowed": ["x"]}, {"regex": "x"}, {"min": "a"}, {"max": "z"}, {"unique": True}])
def test_a_null_breaks_no_rule_but_nullable(judge: Judge, check: dict[str, Any]) -> None:
    assert judge({"a": ["x", None, None]}, columns={"a": check}).validation.rules[0]["passed"]


def test_an_sql_rule_that_is_null_is_kept(judge: Judge) -> None:
    assert judge(ROWS, rules=[{"name": "r", "sql": "delay < 1000"}]).validation.rules[0]["passed"]


def test_an_sql_rule_shows_the_columns_it_uses(judge: Judge) -> None:
    judged = judge(ROWS, severity="warn", rules=[{"name": "r", "sql": "delay < id"}])
    assert rule(judged.validation, "r")["examples"][0] == {"row": 2, "value": {"id": 2, "delay": 20.0}}


def test_an_sql_rule_about_the_whole_table_judges_every_row(judge: Judge) -> None:
    judged = judge(ROWS, severity="warn", rules=[{"name": "r", "sql": "avg(delay) < 10"}])
    assert rule(judged.validation, "r")["broken"] == 4


@pytest.mark.parametrize(
    ("values", "check", "broken"),
    [
        (["AA", "B"], {"regex": "[A-Z]{2}"}, 1),
        (["AAB", "AA"], {"regex": "AA"}, 1),
        ([1, 2, 2, 2], {"unique": True}, 2),
        ([0.5, float("nan")], {"min": 0}, 1),
        ([0.5, float("nan")], {"max": 1}, 1),
        ([1, 2, 3], {"max": 2.5}, 1),
        ([1, 2, 3], {"allowed": [1, 2.0]}, 1),
        ([True, False], {"allowed": [True]}, 1),
        ([date(2013, 1, 1), date(2014, 1, 1)], {"max": "2013-12-31"}, 1),
        ([datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)], {"min": "2013-06-01"}, 1),
    ],
)
def test_a_check_counts_the_rows_that_break_it(
    judge: Judge, values: list[Any], check: dict[str, Any], broken: int
) -> None:
    judged = judge({"a": values}, severity="warn", columns={"a": check})
    assert [item["broken"] for item in judged.validation.rules] == [broken]


def test_a_categorical_column_is_judged_as_text(judge: Judge) -> None:
    frame = pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Categorical)})
    judged = judge(frame, severity="warn", columns={"a": {"type": "categorical", "allowed": ["x"], "max": "x"}})
    assert [item["broken"] for item in judged.validation.rules] == [0, 1, 1]


def test_columns_that_must_be_unique_together_keep_the_first_row(judge: Judge) -> None:
    rows = {"a": [1, 1, 2, None, None], "b": [1, 1, 1, 1, 1], "c": [1, 2, 3, 4, 5]}
    judged = judge(rows, unique=[["a", "b"]], unique_severity="quarantine")
    assert judged.table.read()["c"].to_list() == [1, 3, 4, 5]


@pytest.mark.parametrize(("extra", "passed"), [("warn", False), ("allow", None)])
def test_extra_columns_are_told(judge: Judge, extra: str, passed: Any) -> None:
    judged = judge(ROWS, columns={"id": {}, "carrier": {}}, extra_columns=extra)
    found = [(item["passed"], item["note"]) for item in judged.validation.rules if item["name"] == "extra_columns"]
    assert found == ([] if passed is None else [(False, "not in the contract: delay")])


def test_extra_columns_can_fail(judge: Judge) -> None:
    with pytest.raises(ContractBroken, match=r"extra_columns \(fail\): not in the contract: carrier, delay"):
        judge(ROWS, columns={"id": {}}, extra_columns="fail")


def test_a_column_that_is_not_required_may_be_missing(judge: Judge) -> None:
    judged = judge(ROWS, columns={"airport": {"required": False, "type": "string"}})
    assert judged.validation.rules == []


def test_rules_on_a_missing_column_are_told_as_not_judged(judge: Judge) -> None:
    judged = judge(
        ROWS,
        severity="warn",
        columns={"airport": {"regex": "[A-Z]{3}"}},
        rules=[{"name": "r", "sql": "airport <> carrier"}],
    )
    notes = {item["name"]: item["note"] for item in judged.validation.rules}
    assert notes["airport.regex"] == notes["r"] == "not judged: there is no column 'airport'"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"rules": [{"name": "r", "sql": "dealy > 1"}]},
            r"the rule 'r' uses the column 'dealy'.*\n.*dealy > 1\n.*did you mean 'delay'",
        ),
        ({"rules": [{"name": "r", "sql": "delay"}]}, "the rule 'r' gives Float64, not true or false"),
        ({"unique": [["idd"]]}, r"`unique` names the column 'idd'.*\n.*did you mean 'id'"),
        (
            {"columns": {"delay": {"min": "2013-01-01"}}},
            r"`columns\.delay\.min` cannot be judged: '2013-01-01' does not fit",
        ),
        ({"columns": {"id": {"allowed": [0.5]}}}, r"0\.5 does not fit a column of whole numbers"),
        ({"columns": {"id": {"regex": "1"}}}, r"`columns\.id\.regex` cannot be judged"),
        ({"columns": {"carrier": {"regex": "(?=A)A"}}}, r"`columns\.carrier\.regex` cannot be judged"),
        ({"freshness": {"column": "dday", "max_age": "1d"}}, "`freshness` names the column 'dday'"),
        ({"freshness": {"column": "delay", "max_age": "1d"}}, "`freshness` needs dates"),
        ({"severity": "quarantine", "rules": [{"name": "r", "sql": "id > 9"}]}, "quarantine would take every row"),
    ],
)
def test_a_contract_that_does_not_fit_the_table_is_explained(judge: Judge, section: Any, message: str) -> None:
    with pytest.raises(StageError, match=message):
        judge(ROWS, **section)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"columns": {"a": {"nulable": False}}}, "Extra inputs"),
        ({"columns": {"a": {"regex": "("}}}, "is not a pattern"),
        ({"columns": {"a": {"min": 3, "max": 1}}}, "min 3 is above max 1"),
        ({"columns": {"a": {"min": 3, "max": "x"}}}, "both be numbers"),
        ({"columns": {"a": {"allowed": [1], "otherwise": "clip"}}}, "clip needs a bound"),
        ({"columns": {"a": {"otherwise": "guess"}}}, "'error', 'impute' or 'clip'"),
        ({"columns": {"a": {"allowed": []}}}, "at least 1 item"),
        ({"columns": {"a": {"severity": "quaratine"}}}, "'fail', 'warn' or 'quarantine'"),
        ({"rules": [{"name": "r", "sql": "a; b"}]}, "not allowed here"),
        ({"rules": [{"name": "r", "sql": "a"}, {"name": "r", "sql": "b"}]}, "two rules are called 'r'"),
        ({"unique": [[]]}, "at least one column"),
        ({"rows": {"min": "5"}}, "valid integer"),
        ({"freshness": {"column": "a", "max_age": "2 days"}}, "match pattern"),
        ({"freshness": {"column": "a", "max_age": "2d", "as_of": "soon"}}, "ISO date"),
    ],
)
def test_a_wrong_contract_is_refused_before_anything_is_read(section: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Validate.model_validate(section)


@pytest.mark.parametrize(("max_age", "passed"), [("30d", True), ("29d", False)])
def test_freshness_is_judged_by_a_given_moment(judge: Judge, max_age: str, passed: Any) -> None:
    freshness = {"column": "day", "max_age": max_age, "as_of": "2013-12-31", "severity": "warn"}
    judged = judge({"day": [date(2013, 1, 1), date(2013, 12, 1)]}, freshness=freshness)
    assert judged.validation.rules[0]["passed"] is passed


def test_freshness_by_the_clock_is_volatile_and_writes_no_clock(judge: Judge) -> None:
    section = {"freshness": {"column": "day", "max_age": "1d"}}
    assert "judged by the clock" in Validate.model_validate(section).volatile()
    now = datetime.now(tz=UTC)
    judged = judge({"day": [now, now - timedelta(days=3)]}, **section)
    assert judged.validation.rules[0]["passed"]
    assert str(now.year) not in json.dumps(judged.validation.rules)


def test_freshness_by_a_given_moment_is_not_volatile() -> None:
    section = {"freshness": {"column": "day", "max_age": "1d", "as_of": "2013-12-31"}}
    assert not Validate.model_validate(section).volatile()


def test_a_table_without_dates_is_not_fresh(judge: Judge) -> None:
    frame = pl.DataFrame({"day": [None]}, schema={"day": pl.Date})
    with pytest.raises(ContractBroken, match="the newest value is None"):
        judge(frame, freshness={"column": "day", "max_age": "1d", "as_of": "2013-12-31"})


def test_equal_tables_give_equal_bytes(judge: Judge) -> None:
    judged = [judge(ROWS, severity="quarantine", columns={"delay": {"max": 500}}) for _ in range(2)]
    first, second = ([file.read_bytes() for made in run for file in sorted(made.folder.iterdir())] for run in judged)
    assert first == second


def test_the_rules_of_single_columns_travel_with_the_rows(judge: Judge) -> None:
    columns = {
        "id": {"nullable": False, "min": 0, "max": 9, "otherwise": "clip"},
        "carrier": {"allowed": ["AA", "UA"], "severity": "quarantine", "otherwise": "impute"},
        "delay": {"max": 500, "severity": "warn"},
    }
    expected = judge(ROWS, columns=columns).table.roles.expected
    assert expected == {
        "id": Expectation(nullable=False, min=0, max=9, otherwise="clip"),
        "carrier": Expectation(allowed=("AA", "UA"), otherwise="impute"),
    }


def test_a_column_without_rules_is_expected_to_be_nothing_in_particular(judge: Judge) -> None:
    columns = {"id": {"type": "int64", "unique": True}, "absent": {"required": False}}
    assert judge(ROWS, columns=columns).table.roles.expected == {}


def test_a_second_contract_keeps_what_the_first_expects(judge: Judge, table: Any, make_folder: Any) -> None:
    first = table(ROWS, expected={"id": Expectation(min=0)})
    section = {"columns": {"delay": {"max": 5000}}}
    second = Validate.model_validate(section).run(first, context=make_context(make_folder()))
    assert set(second.table.roles.expected) == {"id", "delay"}


def test_a_long_text_is_shown_by_its_beginning() -> None:
    from mlops_polars.outcome import plain

    assert plain("x" * 1000) == "x" * 79 + "…"
    assert plain({"body": "y" * 80}) == {"body": "y" * 80}
