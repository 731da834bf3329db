"""The log of a deployment as others read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops.services import traffic_table
from mlops.services.traffic import Traffic


def line(name: str, time: float = 10.0, **given: Any) -> dict[str, Any]:
    plain = {"id": name, "time": time, "version": 1, "shadow": False, "ms": 0.1, "row": {"x": 1}}
    return {**plain, "answer": {"label": "Yes", "score_Yes": 0.5}, **given}


def write(folder: Path, name: str, lines: list[Any], *, tail: str = "") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(f"{json.dumps(item)}\n" for item in lines) + tail)


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    return Traffic(tmp_path)


def test_an_empty_log_is_an_empty_table(traffic: Traffic) -> None:
    assert traffic.table().columns == ["_id", "_time", "_version", "_shadow", "_label"]
    assert list(traffic.predictions()) == []
    assert traffic.labels() == {}


def test_the_table_holds_rows_answers_and_labels(traffic: Traffic) -> None:
    write(traffic.requests, "a.jsonl", [line("a"), line("b", 11.5, version=2, shadow=True, row={"x": None})])
    write(traffic.feedback, "a.jsonl", [{"id": "b", "time": 20.0, "label": "No"}])
    table = traffic.table()
    assert table.drop("_time").rows(named=True) == [
        {"_id": "a", "_version": 1, "_shadow": False, "_label": None, "x": 1}
        | {"_answer_label": "Yes", "_answer_score_Yes": 0.5},
        {"_id": "b", "_version": 2, "_shadow": True, "_label": "No", "x": None}
        | {"_answer_label": "Yes", "_answer_score_Yes": 0.5},
    ]
    assert table.schema["_time"] == pl.Datetime("us", "UTC")
    assert table["_time"].dt.epoch("us").to_list() == [10_000_000, 11_500_000]


def test_the_last_label_counts_wherever_it_stands(traffic: Traffic) -> None:
    write(traffic.feedback, "a.jsonl", [{"id": "a", "time": 3.0, "label": 3}, {"id": "a", "time": 1.0, "label": 1}])
    write(traffic.feedback, "b.jsonl", [{"id": "a", "time": 2.0, "label": 2}])
    assert traffic.labels() == {"a": 3}


@pytest.mark.parametrize("tail", ['{"id": "to', '{"id": "torn"}\n', "\0\0\0\n", "\n"])
def test_what_a_kill_or_power_cut_tore_is_passed_over(traffic: Traffic, tail: str) -> None:
    write(traffic.requests, "a.jsonl", [line("a")], tail=tail if tail != '{"id": "torn"}\n' else '{"id": "torn"\n')
    write(traffic.requests, "b.jsonl", [line("b")])
    assert [item["id"] for item in traffic.predictions()] == ["a", "b"]
    assert traffic.table()["_id"].to_list() == ["a", "b"]


def test_a_span_of_time_is_half_open(traffic: Traffic) -> None:
    write(traffic.requests, "a.jsonl", [line(name, float(name)) for name in ("1", "2", "3")])
    assert [item["id"] for item in traffic.predictions(since=2, until=3)] == ["2"]
    assert traffic.table(since=2, until=3)["_id"].to_list() == ["2"]


@pytest.mark.parametrize(
    "values",
    [[1, 2.5, None], ["2013-01-01T00:00:00", "2013-01-02"], [[1, 2], [3]], [True, None], ["a", 3], [2**53 + 1, None]],
)
def test_both_ways_of_reading_give_the_same(traffic: Traffic, values: list[Any]) -> None:
    write(traffic.requests, "a.jsonl", [line(str(place), row={"x": value}) for place, value in enumerate(values)])
    content = (traffic.requests / "a.jsonl").read_bytes()
    slow = traffic_table._by_line(content)
    assert traffic.table()["x"].to_list() == slow["x"].to_list()


def test_segments_whose_columns_differ_become_one_table(traffic: Traffic) -> None:
    write(traffic.requests, "a.jsonl", [line("a", row={"x": 1})])
    write(traffic.requests, "b.jsonl", [line("b", row={"x": 1.5, "y": "new"})])
    write(traffic.requests, "c.jsonl", [line("c", row={"x": None})])
    assert traffic.table().select("_id", "x", "y").rows() == [("a", 1.0, None), ("b", 1.5, "new"), ("c", None, None)]


def test_text_and_numbers_of_one_column_become_text(traffic: Traffic) -> None:
    write(traffic.requests, "a.jsonl", [line("a", row={"x": 1})])
    write(traffic.requests, "b.jsonl", [line("b", row={"x": "one"})])
    assert traffic.table()["x"].to_list() == ["1", "one"]
