"""Events of a run → what its tracker is told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.services.tracker import Measurement
from mlops.tracked.spool import milliseconds, portion

TIME = "2026-01-02T03:04:05.678+00:00"
AT = 1767323045678


def _write(folder: Path, *events: dict[str, Any], tail: str = "") -> None:
    lines = "".join(json.dumps({"time": TIME, **event}) + "\n" for event in events)
    (folder / "events.jsonl").write_text(lines + tail)


def _metric(name: str, value: Any, step: int | None = None) -> dict[str, Any]:
    return {"event": "metric", "stage": "train", "name": name, "value": value, "step": step}


def _all(folder: Path) -> list[Measurement]:
    found: list[Measurement] = []
    part = portion(folder, offset=0, steps={})
    while True:
        found += part.measurements
        if part.at_end:
            return found
        part = portion(folder, offset=part.offset, steps=part.steps)


def test_a_metric_bears_its_stage_step_and_the_events_time(tmp_path: Path) -> None:
    _write(tmp_path, _metric("loss", 0.5, 3))
    assert portion(tmp_path, offset=0, steps={}).measurements == (Measurement("train.loss", 0.5, 3, AT),)


def test_a_last_value_without_a_step_comes_after_the_steps(tmp_path: Path) -> None:
    _write(tmp_path, _metric("loss", 0.5, 8), _metric("loss", 0.4))
    assert [item.step for item in _all(tmp_path)] == [8, 8]


def test_the_last_step_is_known_across_portions(tmp_path: Path) -> None:
    _write(tmp_path, _metric("loss", 0.5, 8))
    part = portion(tmp_path, offset=0, steps={})
    _write(tmp_path, _metric("loss", 0.5, 8), _metric("loss", 0.4))
    rest = portion(tmp_path, offset=part.offset, steps=part.steps)
    assert [item.step for item in rest.measurements] == [8]


def test_a_reused_stage_tells_its_metrics_and_one_that_ran_its_time(tmp_path: Path) -> None:
    reused = {"event": "stage-finished", "stage": "data", "action": "reuse", "metrics": {"rows": 5}, "seconds": 0}
    ran = {"event": "stage-finished", "stage": "train", "action": "run", "metrics": {"loss": 1}, "seconds": 2.5}
    failed = {"event": "stage-finished", "stage": "bundle", "action": "failed", "metrics": {}, "seconds": 0}
    _write(tmp_path, reused, ran, failed)
    assert [(item.name, item.value) for item in _all(tmp_path)] == [("data.rows", 5.0), ("seconds.train", 2.5)]


def test_numbers_that_are_not_finite_are_read_back(tmp_path: Path) -> None:
    _write(tmp_path, _metric("a", "nan"), _metric("b", "-inf"))
    a, b = _all(tmp_path)
    assert math.isnan(a.value)
    assert b.value == -math.inf


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    _write(tmp_path, _metric("loss", 1.0, 1), tail='{"event": "metric", "st')
    part = portion(tmp_path, offset=0, steps={})
    assert len(part.measurements) == 1
    assert part.at_end
    assert part.offset == (tmp_path / "events.jsonl").read_text().index("\n") + 1


@pytest.mark.parametrize("line", ["nonsense", "[1]", "null", '{"event": "metric"}', '{"event": "metric", "time": 5}'])
def test_what_is_no_event_is_passed_over(tmp_path: Path, line: str) -> None:
    _write(tmp_path, tail=line + "\n")
    assert _all(tmp_path) == []


def test_a_run_without_events_has_nothing_to_tell(tmp_path: Path) -> None:
    assert portion(tmp_path, offset=0, steps={}).at_end


def test_at_most_a_thousand_measurements_come_at_once(tmp_path: Path) -> None:
    _write(tmp_path, *(_metric("loss", 1.0, step) for step in range(2500)))
    first = portion(tmp_path, offset=0, steps={})
    assert len(first.measurements) == 1000
    assert not first.at_end
    assert [item.step for item in _all(tmp_path)] == list(range(2500))


def test_a_line_longer_than_what_is_read_at_once_is_read_whole(tmp_path: Path) -> None:
    _write(tmp_path, {"event": "noted", "text": "x" * (1 << 19)}, _metric("loss", 1.0))
    assert len(_all(tmp_path)) == 1


def test_an_endless_line_ends_the_reading(tmp_path: Path) -> None:
    _write(tmp_path, tail="x" * (1 << 19))
    assert portion(tmp_path, offset=0, steps={}).at_end


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.integers(0, 99)), max_size=40),
    st.lists(st.integers(0, 4000), max_size=6),
)
def test_reading_as_it_grows_gives_what_reading_the_whole_gives(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, int | None]], cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    _write(folder, *(_metric(name, 1.0, step) for name, step in events))
    whole = (folder / "events.jsonl").read_bytes()
    expected = _all(folder)
    found: list[Measurement] = []
    offset = 0
    steps: dict[str, int] = {}
    for cut in [*sorted(cuts), len(whole)]:
        (folder / "events.jsonl").write_bytes(whole[:cut])
        part = portion(folder, offset=offset, steps=steps)
        found += part.measurements
        offset, steps = part.offset, dict(part.steps)
    assert found == expected


def test_what_is_no_time_is_the_epoch() -> None:
    assert milliseconds("") == 0
    assert milliseconds(TIME) == AT
