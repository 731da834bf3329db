"""Which searches nobody comes back to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlops.durable import locked
from mlops.run_reading import Run
from mlops.searching.forgetting import forgotten_searches
from mlops.searching.journal import Journal
from mlops.services.searcher import Trial


@pytest.fixture
def old(tmp_path: Path) -> Journal:
    """A search of the recipe hill that was last added to long ago; its trial was the run t1."""
    journal = Journal(tmp_path / "searches" / "key")
    journal.begin({"recipe": "hill"})
    journal.tell(Trial(0, {"a.b": 1.0}, "done", 1.0, 1.0, run="t1"), spent=1.0)
    _age(journal)
    return journal


def _age(journal: Journal) -> None:
    for path in journal.folder.iterdir():
        os.utime(path, (1, 1))


def _run(name: str, recipe: str) -> Run:
    return Run(name, Path(name), "done", recipe)


def _forgotten(journal: Journal, *runs: Run, recipes: tuple[str, ...] = ("hill",)) -> list[Path]:
    return forgotten_searches(journal.folder.parent.parent, runs, recipes)


def test_one_without_runs_is_forgotten(old: Journal) -> None:
    assert _forgotten(old, _run("other", "plain")) == [old.folder]


@pytest.mark.parametrize("run", [_run("t1", ""), _run("later", "hill")])
def test_one_is_kept_by_a_trial_or_any_run_of_its_recipe(old: Journal, run: Run) -> None:
    assert _forgotten(old, run) == []


def test_one_whose_recipe_is_gone_is_forgotten_whatever_runs_there_are(old: Journal) -> None:
    assert _forgotten(old, _run("t1", "hill"), recipes=("plain",)) == [old.folder]


def test_one_that_was_added_to_lately_is_kept(old: Journal) -> None:
    old.tell(Trial(1, {"a.b": 2.0}, "done", 2.0, 2.0, run="t2"), spent=2.0)
    assert _forgotten(old, recipes=()) == []


def test_one_that_is_at_work_is_kept(old: Journal) -> None:
    with locked(old.lock):
        _age(old)
        assert _forgotten(old, recipes=()) == []


def test_a_project_without_searches_has_none(tmp_path: Path) -> None:
    assert forgotten_searches(tmp_path, (), ()) == []
