"""The journal of a search survives what a kill leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.searching.journal import Found, Journal
from mlops.services.searcher import Trial


def _trial(number: int, score: float | None = 1.0) -> Trial:
    return Trial(number, {"a.b": 0.1 + number}, "failed" if score is None else "done", score, score, {3: 0.5})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    found = Journal(tmp_path / "searches" / "key")
    found.begin({"recipe": "x"})
    return found


def test_gives_back_what_was_told(journal: Journal) -> None:
    journal.tell(_trial(1), spent=2.0)
    journal.tell(_trial(0), spent=3.5)
    found = journal.read()
    assert found.trials == (_trial(0), _trial(1))
    assert found.spent == 3.5


def test_a_line_cut_short_counts_as_not_written(journal: Journal) -> None:
    journal.tell(_trial(0), spent=1.0)
    whole = journal.path.read_bytes()
    for length in range(1, len(whole), 13):
        journal.path.write_bytes(whole + whole[:length].rstrip(b"\n"))
        assert len(journal.read().trials) == 1
        journal.begin({})
        assert journal.path.read_bytes() == whole


def test_a_trial_told_twice_counts_once(journal: Journal) -> None:
    journal.tell(_trial(0, 1.0), spent=1.0)
    journal.tell(_trial(0, 2.0), spent=2.0)
    assert [trial.score for trial in journal.read().trials] == [1.0]


def test_nothing_was_found_where_nothing_is(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none").read() == Found()


def test_ranks_by_score_and_then_by_number(journal: Journal) -> None:
    for number, score in enumerate((2.0, 1.0, None, 1.0)):
        journal.tell(_trial(number, score), spent=0.0)
    assert [trial.number for trial in journal.read().ranked] == [1, 3, 0]


def test_remembers_under_which_settings_it_was_closed(journal: Journal) -> None:
    journal.close({"trials": 3, "budget": 5.0}, spent=4.0)
    assert journal.read().closed == {"trials": 3, "budget": 5.0}


def test_a_hopeless_one_starts_over(journal: Journal) -> None:
    journal.tell(_trial(0, None), spent=1.0)
    assert journal.read().is_hopeless
    journal.start_over()
    assert journal.read().trials == ()
