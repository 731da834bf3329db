"""Counts of workers, added up."""

from __future__ import annotations

from pathlib import Path

from mlops_serve.meter import Meter, prometheus, read_counts


def test_counts_of_all_workers_are_added_up(tmp_path: Path) -> None:
    for name in ("1", "2"):
        meter = Meter()
        meter.add("mlops_labels_total", value=3)
        meter.time("mlops_request_seconds", 'route="predict"', 0.003)
        meter.leave(tmp_path / f"{name}.json")
    found = read_counts(tmp_path)
    assert found["mlops_labels_total"] == 6
    assert found['mlops_request_seconds_count{route="predict"}'] == 2


def test_a_file_that_is_torn_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text('{"mlops_labels')
    assert read_counts(tmp_path) == {}
    assert read_counts(tmp_path / "nothing") == {}


def test_buckets_grow_and_end_with_all() -> None:
    meter = Meter()
    for seconds in (0.0001, 0.003, 99.0):
        meter.time("mlops_request_seconds", 'route="predict"', seconds)
    lines = prometheus(meter.sums(), {}).splitlines()
    buckets = [line for line in lines if "_bucket" in line]
    assert [int(line.rpartition(" ")[2]) for line in buckets] == [1, 1, 1, *[2] * 11, 3]
    assert 'le="0.0005"' in buckets[0]
    assert 'le="+Inf"' in buckets[-1]
    assert 'mlops_request_seconds_count{route="predict"} 3' in lines


def test_what_was_never_counted_is_not_shown() -> None:
    assert prometheus({}, {}) == ""


def test_large_counts_are_exact() -> None:
    assert "mlops_labels_total 12345678.0" in prometheus({"mlops_labels_total": 12345678.0}, {})
