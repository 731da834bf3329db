from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops.errors import LeakFound, StageError
from mlops.formats.splits import PARTS, Splits
from mlops_polars.split import Split

Divide = Callable[..., Splits]

NUMBERS = {"n": list(range(100))}
DAYS = {"day": [date(2013, 1, 1) + timedelta(days=n) for n in range(100)], "n": list(range(100))}


def parts(splits: Splits, column: str = "n") -> list[list[Any]]:
    return [splits.read(part)[column].to_list() for part in PARTS]


def check(splits: Splits, name: str) -> dict[str, Any]:
    leaks = splits.read_json("splits.json")["checks"]["leaks"]
    return next(leak for leak in leaks if leak["name"] == name)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(3, 60), test=st.floats(0.05, 0.4), validation=st.floats(0.05, 0.4), seed=st.integers(0, 2**32))
def test_every_row_is_in_one_part_and_keeps_its_order(
    divide: Divide, rows: int, test: float, validation: float, seed: int
) -> None:
    try:
        splits = divide({"n": list(range(rows))}, seed=seed, test=test, validation=validation)
    except StageError as error:
        assert "the train part has no rows" in str(error)  # noqa: PT017 - the only way that so few rows may fail
        return
    dealt = parts(splits)
    assert sorted(itertools.chain.from_iterable(dealt)) == list(range(rows))
    assert all(dealt)
    assert all(part == sorted(part) for part in dealt)


def test_shares_are_kept(divide: Divide) -> None:
    assert divide(NUMBERS, test=0.3, validation=0.1).rows == {"train": 60, "validation": 10, "test": 30}


def test_the_seed_alone_decides(divide: Divide) -> None:
    assert parts(divide(NUMBERS, seed=7)) == parts(divide(NUMBERS, seed=7))
    assert parts(divide(NUMBERS, seed=7)) != parts(divide(NUMBERS, seed=8))


def test_equal_tables_give_equal_bytes(divide: Divide) -> None:
    first, second = ([file.read_bytes() for file in sorted(divide(NUMBERS).folder.iterdir())] for _ in range(2))
    assert first == second


def test_roles_are_passed_on(divide: Divide) -> None:
    assert divide(NUMBERS, roles={"target": "n", "task": "regression"}).roles.target == "n"


@pytest.mark.parametrize("values", [["yes"] * 20 + ["no"] * 80, [True] * 20 + [False] * 80, [1.5] * 20 + [0.0] * 80])
def test_classes_keep_their_shares(divide: Divide, values: list[Any]) -> None:
    splits = divide(NUMBERS | {"y": values}, method="stratified", roles={"target": "y", "task": "binary"})
    assert [part.count(values[0]) for part in parts(splits, "y")] == [12, 4, 4]


def test_another_column_can_be_stratified_by(divide: Divide) -> None:
    splits = divide(
        NUMBERS | {"y": [0] * 100, "z": ["a"] * 90 + ["b"] * 10}, method="stratified", by="z", roles={"target": "y"}
    )
    assert [part.count("b") for part in parts(splits, "z")] == [6, 2, 2]


def test_groups_stay_together(divide: Divide) -> None:
    splits = divide(NUMBERS | {"g": [n // 5 for n in range(100)]}, method="group", roles={"group": "g"})
    train, validation, test = (set(part) for part in parts(splits, "g"))
    assert len(train) + len(validation) + len(test) == len(train | validation | test)
    assert splits.rows == {"train": 60, "validation": 20, "test": 20}
    assert check(splits, "group")["passed"]


def test_one_huge_group_does_not_take_the_place_of_another(divide: Divide) -> None:
    groups = [0] * 90 + list(range(1, 11))
    splits = divide(NUMBERS | {"g": groups}, method="group", group="g", seed=1)
    assert all(splits.rows.values())


def test_shares_of_time_keep_equal_times_together(divide: Divide) -> None:
    splits = divide(
        {"t": [n // 10 for n in range(100)], "n": list(range(100))}, method="time", time="t", test=0.15, validation=0.2
    )
    train, validation, test = parts(splits, "t")
    assert max(train) < min(validation)
    assert max(validation) < min(test)
    assert len(test) == 20


def test_moments_cut_the_rows(divide: Divide) -> None:
    splits = divide(DAYS, method="time", validation_from="2013-03-02", test_from="2013-03-22", roles={"time": "day"})
    assert splits.rows == {"train": 60, "validation": 20, "test": 20}
    assert splits.read_json("splits.json")["checks"]["test_from"] == "2013-03-22"


def test_moments_cut_a_column_with_a_zone(divide: Divide) -> None:
    times = [datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(100)]
    splits = divide({"t": times}, method="time", time="t", validation_from="2013-03-02", test_from="2013-03-22")
    assert splits.rows == {"train": 60, "validation": 20, "test": 20}


@pytest.mark.parametrize("gap", ["5d", "110h"])
def test_a_gap_leaves_rows_out_before_both_cuts(divide: Divide, gap: str) -> None:
    splits = divide(DAYS, method="time", time="day", validation_from="2013-03-02", test_from="2013-03-22", gap=gap)
    assert splits.rows == {"train": 55, "validation": 15, "test": 20}
    assert splits.read_json("splits.json")["checks"]["left_out"] == 10


def test_rows_equal_in_two_parts_are_a_warning(divide: Divide, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        splits = divide({"n": [1, 2] * 50, "x": ["a", "b"] * 50})
    assert check(splits, "duplicates") | {"what": ""} == {
        "name": "duplicates", "severity": "warn", "passed": False, "found": 40, "what": "",
    }  # fmt: skip
    assert "20 of 20 validation rows and 20 of 20 test rows" in caplog.text


def test_rows_equal_but_for_their_id_are_equal(divide: Divide) -> None:
    splits = divide(NUMBERS | {"x": [1] * 100}, roles={"id": ("n",)})
    assert check(splits, "duplicates")["found"] == 40


def test_rows_with_different_values_are_not_duplicates(divide: Divide) -> None:
    assert check(divide(NUMBERS), "duplicates")["passed"]


def test_duplicates_can_fail(divide: Divide) -> None:
    with pytest.raises(LeakFound, match=r"duplicates \(fail\): 20 of 20 validation rows"):
        divide({"x": [1] * 100}, leaks={"duplicates": "fail"})


def test_a_group_in_two_parts_fails(divide: Divide) -> None:
    with pytest.raises(
        LeakFound, match=r"group \(fail\): 2 values of 'g' lie in more than one part, such as 0, 1\n.*\n?.*method group"
    ):
        divide(NUMBERS | {"g": [n % 2 for n in range(100)]}, roles={"group": "g"})


def test_a_check_that_is_off_is_not_made(divide: Divide) -> None:
    splits = divide(
        NUMBERS | {"g": [n % 2 for n in range(100)]}, roles={"group": "g"}, leaks={"group": "off", "duplicates": "off"}
    )
    assert splits.read_json("splits.json")["checks"]["leaks"] == []


@pytest.mark.parametrize(
    ("columns", "section", "message"),
    [
        ({"n": [1, 2]}, {}, "the table has 2 rows; three parts need at least 3"),
        ({"n": [1, 2, 3]}, {"test": 0.4, "validation": 0.4, "seed": 1}, None),
        (
            {"n": [1, 2, 3, 4]},
            {"method": "stratified"},
            r"no column is named to split by\n.*set `by` here, or `target`",
        ),
        ({"n": [1, 2, 3, 4]}, {"method": "time"}, "no column is named to split by"),
        ({"n": [1, 2, 3, 4]}, {"method": "group", "group": "m"}, r"`group` names the column 'm'"),
        ({"n": [1, 2, None, 4]}, {"method": "time", "time": "n"}, r"is null in 1 rows\n.*where: n is not null"),
        (
            {"n": ["a", "b", "c"]},
            {"method": "time", "time": "n"},
            r"the time column 'n' is String.*\n.*types: {n: datetime}",
        ),
        ({"n": [1] * 9 + [2]}, {"method": "stratified", "by": "n"}, r"1 values of 'n' have fewer than 3 rows: 2 \(1\)"),
        (
            {"n": [1, 1, 2, 2]},
            {"method": "group", "group": "n"},
            "column 'n' has 2 groups; three parts need at least 3",
        ),
        ({"n": [1, 1, 1, 1]}, {"method": "time", "time": "n"}, r"the train part has no rows .*n spans 1 to 1"),
        ({"n": [1, 2, 3, 4]}, {"method": "time", "time": "n", "gap": "1d"}, "`gap` needs a time column of dates"),
        (
            {"n": [1, 2, 3, 4]},
            {"method": "time", "time": "n", "validation_from": "2013-01-01", "test_from": "2013-02-01"},
            "the moments do not fit the time column",
        ),
        (
            DAYS,
            {"method": "time", "time": "day", "validation_from": "2013-03-01", "test_from": "2014-01-01"},
            r"the test part has no rows \(train 59, validation 41, test 0\); day spans 2013-01-01 to 2013-04-10",
        ),
    ],
)
def test_rows_that_cannot_be_divided_as_asked_are_explained(
    divide: Divide, columns: Any, section: Any, message: str | None
) -> None:
    if message is None:
        assert divide(columns, **section).rows == {"train": 1, "validation": 1, "test": 1}
        return
    with pytest.raises(StageError, match=message):
        divide(columns, **section)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"method": "randm"}, "'random', 'stratified', 'group' or 'time'"),
        ({"test": "0.2"}, "valid number"),
        ({"test": 1}, "less than 1"),
        ({"test": 0}, "greater than 0"),
        ({"test": 0.6, "validation": 0.4}, "leave no rows to train on"),
        ({"gap": "7d"}, "`gap` is for method time, and the method is random"),
        ({"by": "x"}, "`by` is for method stratified"),
        ({"method": "time", "test_from": "2013-01-01"}, "give both"),
        ({"method": "time", "validation_from": "2013-02-01", "test_from": "2013-01-01"}, "must be before"),
        ({"method": "time", "validation_from": "2013-01-01", "test_from": "2013-02-01", "test": 0.2}, "not both"),
        (
            {"method": "time", "validation_from": "2013-01-01", "test_from": "2013-02-01T00:00+00:00"},
            "both with a zone",
        ),
        ({"leaks": {"duplicates": "quarantine"}}, "'fail', 'warn' or 'off'"),
        ({"leaks": {"duplicate": "warn"}}, "Extra inputs"),
    ],
)
def test_a_wrong_section_is_refused_before_anything_is_read(section: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Split.model_validate(section)


def test_text_of_many_alphabets_is_stratified_the_same(divide: Divide) -> None:
    frame = pl.DataFrame({"y": ["å", "b", "Z", "ß"] * 25, "n": list(range(100))})
    splits = divide(frame, method="stratified", by="y")
    assert [part.count("å") for part in parts(splits, "y")] == [15, 5, 5]
