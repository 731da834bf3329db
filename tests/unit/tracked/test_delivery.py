"""When a run's end is told, and what troubles leave behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlops.durable import locked
from mlops.project import Project
from mlops.tracked.acknowledgement import acknowledged
from mlops.tracked.delivery import deliver
from tests.conftest import Files

PLUGIN = '''
"""A tracker that keeps what it is told."""

import json

from mlops.services.tracker import Tracker


class Told(Tracker):
    """Keeps statuses."""

    def send(self, run, batch, place):
        with (place.root / "told.jsonl").open("a") as file:
            file.write(json.dumps([run.id, batch.status, batch.first, batch.ended]) + "\\n")

    def where(self, run, place):
        return "told.jsonl"
'''


@pytest.fixture
def run(project: Files) -> Path:
    """Folder of a run that has ended just now, without its page."""
    project.write({"plugins/keeping.py": PLUGIN})
    folder = project.root / ".mlops" / "runs" / "20260102-030405-678-abcd"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text("seed: 1\ntracker:\n  _target_: keeping.Told\n")
    (folder / "events.jsonl").write_text("")
    _facts(folder)
    return folder


def _facts(folder: Path, **more: str) -> None:
    ended = "2026-01-02T03:04:06.000+00:00"
    known = {"recipe": "x", "started": "2026-01-02T03:04:05.000+00:00", "ended": ended, "status": "done", **more}
    (folder / "run.json").write_text(json.dumps(known))


def _told(folder: Path) -> list[list[object]]:
    path = folder.parents[2] / "told.jsonl"
    return [json.loads(line)[1:] for line in path.read_text().splitlines()]


def _deliver(folder: Path) -> str:
    return deliver(Project(folder.parents[2]), folder).state


def test_the_end_waits_for_the_runs_page(run: Path) -> None:
    assert _deliver(run) == "going"
    (run / "report.html").write_text("<p>")
    assert _deliver(run) == "complete"
    assert _told(run) == [["running", True, 0], ["done", False, 1767323046000]]


def test_a_page_that_does_not_come_is_not_waited_for(run: Path) -> None:
    os.utime(run / "run.json", (0, 0))
    assert _deliver(run) == "complete"


def test_a_trial_of_a_search_has_no_page(run: Path) -> None:
    _facts(run, parent="20260102-030400-000-aaaa")
    assert _deliver(run) == "complete"


def test_a_job_of_a_sweep_has_one(run: Path) -> None:
    _facts(run, parent="sweep-20260102-030400-000-aaaa")
    assert _deliver(run) == "going"


def test_a_run_that_goes_on_is_begun_once(run: Path) -> None:
    with locked(run / "lock"):
        assert [_deliver(run), _deliver(run)] == ["going", "going"]
    assert _told(run) == [["running", True, 0]]


def test_a_complete_run_is_left_alone(run: Path) -> None:
    (run / "report.html").write_text("<p>")
    assert [_deliver(run), _deliver(run)] == ["complete", "complete"]
    assert len(_told(run)) == 1


def test_a_tracker_that_is_not_there_is_a_trouble_that_is_kept(run: Path) -> None:
    (run / "recipe.yaml").write_text("tracker:\n  _target_: keeping.Lost\n")
    assert _deliver(run) == "refused"
    assert "keeping has no 'Lost'" in acknowledged(run).trouble


def test_a_run_that_was_removed_leaves_nothing(run: Path) -> None:
    (run / "run.json").unlink()
    assert _deliver(run) == "none"
    assert not (run / "tracking.json").exists()
