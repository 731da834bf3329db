from __future__ import annotations

import io

import pytest

from mlops.display import Lines, described, watcher_for
from mlops.masking import Mask
from mlops.tracking import StepResult


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def test_a_stage_is_one_line_at_its_start_and_one_at_its_end(out: io.StringIO) -> None:
    lines = Lines(out, str)
    lines.step_started("split", ["split.test 0.2 → 0.3"])
    lines.step_finished(StepResult("split", "run", seconds=1.25, summaries={"splits": "train 8, test 2"}))
    assert out.getvalue() == "split: running (split.test 0.2 → 0.3)\nsplit: done in 1.2 s: train 8, test 2\n"


def test_progress_is_rare_where_nobody_watches(out: io.StringIO) -> None:
    lines = Lines(out, str)
    lines.step_started("train", [])
    for done in range(1000):
        lines.progress("train", done, 1000, "loss 0.5")
    assert out.getvalue() == "train: running\n"


@pytest.mark.parametrize(
    ("done", "total", "words"),
    [
        (0.969697, 3, "32 %"),
        (1.25, 2.5, "50 %"),
        (1.0, 3, "1 of 3"),
        (12_000, 1_234_567, "12,000 of 1,234,567"),
        (7, 0, "7"),
        (0.25, 0, "0.2"),
    ],
)
def test_progress_is_a_count_or_a_percentage(out: io.StringIO, done: float, total: float, words: str) -> None:
    Lines(out, str).progress("train", done, total, "loss 0.5")
    assert out.getvalue() == f"train: {words} loss 0.5\n"


def test_secrets_are_masked(out: io.StringIO) -> None:
    Lines(out, Mask({"TOKEN": "abcdef"})).step_started("data", ["data.url https://abcdef@host → x"])
    assert "abcdef" not in out.getvalue()
    assert "${oc.env:TOKEN}" in out.getvalue()


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (StepResult("a", "reuse", made_by="R1", summaries={"table": "5 rows"}), "reused from R1: 5 rows"),
        (StepResult("a", "failed"), "failed"),
        (StepResult("a", "skipped"), "skipped"),
        (StepResult("a", "run", seconds=0.5, summaries={"x": ""}), "done in 500 ms"),
    ],
)
def test_what_came_of_a_step_is_told(result: StepResult, words: str) -> None:
    assert described(result) == words


def test_what_is_no_terminal_gets_plain_lines(out: io.StringIO) -> None:
    assert type(watcher_for(out, str)) is Lines
