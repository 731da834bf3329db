"""Runs followed by a tracker that a user wrote: nothing lost, nothing doubled, no run fails by it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops.project import Project
from mlops.tracked.acknowledgement import acknowledged
from mlops.tracked.follower import is_followed
from mlops.tracked.following import start_follower
from tests.toy_project import Answer, Ended, Toy

ON = {"MLOPS_NO_TRACKING": "0"}

PLUGIN = '''
"""A stage that measures a lot, and a tracker that keeps lines in a file."""

import json
import os
import time

from mlops.services.tracker import Browser, RunForgotten, Tracker, TrackerUnreachable
from mlops.stage import Context, Stage
from mlops.formats import Roles, Table


class Measure(Stage):
    """Measure something again and again."""

    steps: int = 10
    """How often."""

    pause: float = 0.0
    """Seconds in between."""

    die: bool = False
    """Whether to be killed at the end."""

    def run(self, *, context: Context) -> Table:
        import polars as pl

        for step in range(self.steps):
            context.metric("loss", 1 / (step + 1), step=step)
            time.sleep(self.pause)
        if self.die:
            os.kill(os.getpid(), 9)
        return Table.create(context.output("table"), pl.DataFrame({"x": [1]}), roles=Roles())


class Lines(Tracker):
    """Keep what comes as lines of a file."""

    key: str = ""
    """A secret."""

    slow: float = 0.0
    """Seconds that a batch takes."""

    def send(self, run, batch, place):
        if (place.root / "silent").exists():
            raise TrackerUnreachable(f"http://me:pw@lines does not answer to {self.key or 'nobody'}")
        if (place.root / "broken").exists():
            raise ValueError("lines are broken")
        path = place.root / "lines" / f"{run.id}.jsonl"
        if not batch.first and not path.exists():
            raise RunForgotten(run.id)
        path.parent.mkdir(exist_ok=True)
        metrics = [[item.name, item.step, item.value, item.time] for item in batch.metrics]
        line = {"metrics": metrics, "status": batch.status, "files": sorted(batch.artifacts), "parent": run.parent}
        with path.open("a") as file:
            half = len(metrics) // 2
            file.write(json.dumps({**line, "metrics": metrics[:half], "status": "running"}) + "\\n")
            file.flush()
            time.sleep(self.slow)
            file.write(json.dumps({**line, "pid": os.getpid()}) + "\\n")

    def where(self, run, place):
        return f"lines/{run.id}.jsonl"

    def browse(self, place, *, port):
        return Browser(f"file://{place.root}/lines")
'''

RECIPE = """# A stage that measures. Try: mlops run recipe=measure
stages: [measure]

measure:
  _target_: lines.Measure

tracker:
  _target_: lines.Lines
"""


class Tracked(Toy):
    """The toy project with a tracker."""

    @property
    def project(self) -> Project:
        return Project(self.root)

    def tracked(self, *words: str, **variables: str) -> Answer:
        """Run the recipe with followers allowed."""
        return self("run", "recipe=measure", *words, **{**ON, **variables})

    @property
    def runs(self) -> list[Path]:
        return sorted((self.root / ".mlops" / "runs").iterdir())

    def lines(self, run: Path) -> list[dict[str, Any]]:
        path = self.root / "lines" / f"{run.name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def shown(self, run: Path) -> dict[int, set[tuple[float, int]]]:
        """Step → values and times of the loss; a tracker keeps the same number once."""
        found: dict[int, set[tuple[float, int]]] = {}
        for line in self.lines(run):
            for name, step, value, at in line["metrics"]:
                if name == "measure.loss":
                    found.setdefault(step, set()).add((value, at))
        return found

    @property
    def follower(self) -> int | None:
        """Process that follows, if there is one."""
        if not is_followed(self.project):
            return None
        text = (self.root / ".mlops" / "tracking" / "follower.lock").read_text()
        return int(text) if text.strip() else None


@pytest.fixture
def measure(toy: Toy) -> Iterator[Tracked]:
    """The project; a follower that it started ends with the test."""
    (toy.root / "plugins" / "lines.py").write_text(PLUGIN)
    (toy.root / "recipes" / "measure.yaml").write_text(RECIPE)
    tracked = Tracked(toy.root)
    yield tracked
    pid = tracked.follower
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def _until(true: Callable[[], object], what: str) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def test_a_run_is_sent_and_says_where_to_look(measure: Tracked) -> None:
    answer = measure.tracked("measure.steps=2500")
    assert answer.code == 0, answer.err
    (run,) = measure.runs
    assert f"tracked  lines/{run.name}.jsonl" in answer.out
    assert sorted(measure.shown(run)) == list(range(2500))
    assert all(len(values) == 1 for values in measure.shown(run).values())
    last = measure.lines(run)[-1]
    assert last["status"] == "done"
    assert last["files"] == ["recipe.yaml", "report.html"]


def test_the_run_itself_never_sends(measure: Tracked) -> None:
    measure.tracked()
    follower = measure.follower
    assert follower is not None
    assert {line["pid"] for line in measure.lines(measure.runs[0]) if "pid" in line} == {follower}


@pytest.mark.slow
def test_a_follower_ends_by_itself(measure: Tracked) -> None:
    measure.tracked()
    _until(lambda: not is_followed(measure.project), "the follower lives on")


def test_one_follower_serves_all_jobs_of_a_sweep_below_one_parent(measure: Tracked) -> None:
    assert measure.tracked("-m", "measure.steps=1,2,3").code == 0
    lines = [measure.lines(run)[-1] for run in measure.runs]
    assert len({line["pid"] for line in lines}) == 1
    (parent,) = {line["parent"] for line in lines}
    assert parent.startswith("sweep-")
    assert {json.loads((run / "run.json").read_text())["parent"] for run in measure.runs} == {parent}


def test_a_reused_run_starts_no_follower_and_is_sent_later(measure: Tracked) -> None:
    measure("run", "recipe=measure")
    answer = measure.tracked()
    assert "1 reused" in answer.out
    assert measure.follower is None
    assert not (measure.root / ".mlops" / "tracking").exists()
    assert measure("runs", "sync").code == 0
    assert [bool(measure.lines(run)) for run in measure.runs] == [True, True]


def test_the_next_follower_sends_what_was_spooled(measure: Tracked) -> None:
    measure("run", "recipe=measure")
    measure.tracked("measure.steps=3")
    _until(lambda: all(acknowledged(run).complete for run in measure.runs), "something is left")


def test_tracking_can_be_switched_off(measure: Tracked) -> None:
    answer = measure("run", "recipe=measure", "measure.steps=4", MLOPS_NO_TRACKING="1")
    assert answer.code == 0
    assert "tracked" not in answer.out
    assert not (measure.root / ".mlops" / "tracking").exists()


@pytest.mark.parametrize("trouble", ["silent", "broken"])
def test_a_tracker_in_trouble_fails_no_run(measure: Tracked, trouble: str) -> None:
    (measure.root / trouble).touch()
    answer = measure.tracked("tracker.retry=0", "tracker.key=${oc.env:LINES_KEY}", LINES_KEY="correct-horse")
    assert answer.code == 0
    assert "warning: the tracker has not got this run" in answer.err
    assert "mlops runs sync" in answer.err
    assert "correct-horse" not in answer.err + answer.out
    assert "pw@" not in answer.err
    assert "correct-horse" not in (measure.runs[0] / "tracking.json").read_text()


def test_what_was_spooled_is_sent_by_hand_once_the_tracker_answers(measure: Tracked) -> None:
    (measure.root / "silent").touch()
    measure("run", "recipe=measure", "measure.steps=1500")
    refused = measure("runs", "sync")
    assert refused.code == 1
    assert "not sent: http://…@lines does not answer to nobody" in refused.out
    (measure.root / "silent").unlink()
    answer = measure("runs", "sync", "--json")
    assert answer.code == 0
    assert answer.last["state"] == "complete"
    assert sorted(measure.shown(measure.runs[0])) == list(range(1500))
    assert "every tracker has every run" in measure("runs", "sync").out


def test_a_silent_tracker_is_asked_once_by_hand(measure: Tracked) -> None:
    for steps in ("1", "2"):
        measure("run", "recipe=measure", f"measure.steps={steps}")
    (measure.root / "silent").touch()
    answer = measure("runs", "sync", "--json")
    assert answer.out.count("does not answer") == 2
    assert not acknowledged(measure.runs[1]).trouble


def test_a_tracker_that_lost_everything_gets_everything_again(measure: Tracked) -> None:
    measure("run", "recipe=measure")
    measure("runs", "sync")
    (run,) = measure.runs
    (measure.root / "lines" / f"{run.name}.jsonl").unlink()
    assert measure("runs", "sync", "--again").code == 0
    assert sorted(measure.shown(run)) == list(range(10))


def test_a_run_that_the_tracker_forgot_halfway_is_sent_from_its_start(measure: Tracked, ended: Ended) -> None:
    process = measure.start("run", "recipe=measure", "measure.steps=100000", "measure.pause=0.01")
    ended(process)
    _until(lambda: (measure.root / ".mlops" / "runs").exists() and measure.runs, "no run")
    _until(lambda: "loss" in (measure.runs[0] / "events.jsonl").read_text(), "nothing measured")
    measure("runs", "sync")
    (measure.root / "lines" / f"{measure.runs[0].name}.jsonl").unlink()
    measure("runs", "sync")
    assert 0 in measure.shown(measure.runs[0])
    assert not acknowledged(measure.runs[0]).complete


def test_a_killed_run_is_shown_as_ended(measure: Tracked) -> None:
    assert measure("run", "recipe=measure", "measure.die=true").code == -9
    assert measure("runs", "sync").code == 0
    assert measure.lines(measure.runs[0])[-1]["status"] == "interrupted"


def test_the_follower_sees_that_the_run_was_killed(measure: Tracked) -> None:
    assert measure.tracked("measure.die=true", "measure.steps=200", "measure.pause=0.01").code == -9
    _until(lambda: measure.lines(measure.runs[0])[-1:] and acknowledged(measure.runs[0]).complete, "not complete")
    assert measure.lines(measure.runs[0])[-1]["status"] == "interrupted"
    assert sorted(measure.shown(measure.runs[0])) == list(range(200))


@pytest.mark.slow
def test_no_metric_is_lost_or_doubled_when_followers_are_killed(measure: Tracked, ended: Ended) -> None:
    os.environ["MLOPS_NO_TRACKING"] = "0"
    try:
        process = measure.start(
            "run", "recipe=measure", "measure.steps=3000", "measure.pause=0.004", "tracker.slow=0.1"
        )
    finally:
        os.environ["MLOPS_NO_TRACKING"] = "1"
    ended(process)
    killed = 0
    while process.poll() is None:
        pid = measure.follower
        if pid is None:
            if (measure.root / ".mlops" / "tracking").exists():
                start_follower(measure.project)
        elif measure.runs and measure.lines(measure.runs[0]):
            os.kill(pid, signal.SIGKILL)
            killed += 1
        time.sleep(0.4)
    assert process.returncode == 0
    assert killed > 5
    assert measure("runs", "sync").code == 0
    shown = measure.shown(measure.runs[0])
    assert sorted(shown) == list(range(3000))
    assert all(len(values) == 1 for values in shown.values()), "a number came with two times"


def test_an_interrupted_person_does_not_wait_for_the_tracker(measure: Tracked) -> None:
    answer = measure.tracked("tracker.slow=3", "tracker.patience=0")
    assert answer.code == 0
    assert "tracked  sending goes on in the background" in answer.out


def test_a_removed_run_is_not_brought_back(measure: Tracked) -> None:
    measure("run", "recipe=measure")
    (run,) = measure.runs
    measure("runs", "rm", run.name, "--yes")
    assert "every tracker has every run" in measure("runs", "sync").out
    assert not run.exists()


def test_a_tracker_that_is_none_is_refused_with_the_recipe(measure: Tracked) -> None:
    answer = measure("check", "recipe=measure", "tracker._target_=lines.Measure")
    assert answer.code == 2
    assert "lines.Measure is not a Tracker" in answer.out + answer.err


def test_a_key_that_the_tracker_does_not_know_is_refused_with_the_recipe(measure: Tracked) -> None:
    answer = measure("run", "recipe=measure", "tracker.patiense=1")
    assert answer.code == 2
    assert "did you mean 'patience'?" in answer.err


def test_another_tracker_has_its_own_pages(measure: Tracked) -> None:
    answer = measure("ui", "recipe=measure")
    assert answer.code == 0
    assert answer.out == f"file://{measure.root}/lines\n"


def test_no_tracker_at_all_is_a_choice(measure: Tracked) -> None:
    (measure.root / "conf" / "tracker").mkdir(parents=True)
    (measure.root / "conf" / "tracker" / "none.yaml").write_text("# No tracker. Try: mlops run recipe=chain\n{}\n")
    assert measure("run", "recipe=chain", "+tracker=none", **ON).code == 0
    assert "has no tracker" in measure("runs", "sync", "last").out
    refused = measure("ui", "--tracker", "none")
    assert refused.code == 2
    assert "no tracker is chosen" in refused.err


def test_an_unknown_tracker_is_named_with_those_there_are(measure: Tracked) -> None:
    answer = measure("ui", "--tracker", "mlfow")
    assert answer.code == 2
    assert "did you mean 'mlflow'?" in answer.err
