"""Verdicts on metrics, and what moved in data."""

from __future__ import annotations

import pytest

from mlops.pull_report.held import _change
from mlops.pull_report.results import _verdict

LOW, MIDDLE, HIGH = (0.1, 0.3), (0.25, 0.5), (0.6, 0.8)


@pytest.mark.parametrize(
    ("was", "now", "intervals", "better", "verdict"),
    [
        (0.2, 0.7, (LOW, HIGH), "higher", "better"),
        (0.2, 0.7, (LOW, HIGH), "lower", "worse"),
        (0.7, 0.2, (HIGH, LOW), "higher", "worse"),
        (0.7, 0.2, (HIGH, LOW), "lower", "better"),
        (0.2, 0.4, (LOW, MIDDLE), "higher", "within noise"),
        (0.2, 0.2, (LOW, LOW), "higher", "same"),
        (0.2, 0.7, (None, HIGH), "higher", ""),
        (0.2, 0.7, (LOW, HIGH), "none", ""),
        (None, 0.7, (None, HIGH), "higher", "new"),
        (0.2, None, (LOW, None), "higher", ""),
    ],
)
def test_a_change_is_judged_by_its_intervals(
    was: float | None, now: float | None, intervals: tuple, better: str, verdict: str
) -> None:
    assert _verdict(was, now, intervals, better=better) == verdict


def held(rows: int = 100, **columns: dict) -> dict:
    return {"rows": rows, "columns": {name: {"name": name, **facts} for name, facts in columns.items()}}


def test_rows_and_schema_are_compared() -> None:
    old = held(100, a={"type": "Int64"}, b={"type": "String"})
    new = held(120, a={"type": "Float64"}, c={"type": "String"})
    assert list(_change(old, new)) == [
        "100 → 120 rows (+20)",
        "column a: Int64 → Float64",
        "column b: String → none",
        "column c: none → String",
    ]


def test_a_column_that_moved_is_told() -> None:
    old = held(a={"type": "Float64", "mean": 10.0, "std": 2.0, "nulls": 0})
    new = held(a={"type": "Float64", "mean": 11.0, "std": 2.0, "nulls": 5})
    assert list(_change(old, new)) == [
        "column a: 0.0% → 5.0% missing",
        "column a: mean 10 → 11 (0.5 standard deviations)",
    ]


def test_a_column_that_hardly_moved_is_not_told() -> None:
    old = held(a={"type": "Float64", "mean": 10.0, "std": 2.0, "nulls": 0})
    new = held(a={"type": "Float64", "mean": 10.1, "std": 2.0, "nulls": 0})
    assert list(_change(old, new)) == []
