"""Runs in a real MLflow: its database under the project, its pages, and a server that goes away and comes back."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops.project import Project
from mlops.tracked.acknowledgement import acknowledged
from mlops.tracked.follower import is_followed
from mlops.tracked.following import start_follower
from tests.mlflow_server import answers, free_port, serving
from tests.toy_project import Ended, Toy

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ON = {"MLOPS_NO_TRACKING": "0"}

STAGE = '''
"""A stage that measures a lot."""

import time

from mlops.formats import Roles, Table
from mlops.stage import Context, Stage


class Measure(Stage):
    """Measure something again and again."""

    steps: int = 10
    """How often."""

    pause: float = 0.0
    """Seconds in between."""

    def run(self, *, context: Context) -> Table:
        import polars as pl

        for step in range(self.steps):
            context.metric("loss", 1 / (step + 1), step=step)
            time.sleep(self.pause)
        return Table.create(context.output("table"), pl.DataFrame({"x": [1]}), roles=Roles())
'''

RECIPE = """# A stage that measures. Try: mlops run recipe=measure
defaults: [{tracker: mlflow}]
stages: [measure]

measure:
  _target_: measuring.Measure
"""


@pytest.fixture
def measure(toy: Toy) -> Iterator[Toy]:
    """The toy project with a recipe that is tracked; a follower that it started ends with the test."""
    (toy.root / "plugins" / "measuring.py").write_text(STAGE)
    (toy.root / "recipes" / "measure.yaml").write_text(RECIPE)
    yield toy
    pid = _follower(toy)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def _follower(toy: Toy) -> int | None:
    if not is_followed(Project(toy.root)):
        return None
    text = (toy.root / ".mlops" / "tracking" / "follower.lock").read_text()
    return int(text) if text.strip() else None


def _runs(toy: Toy) -> list[Path]:
    return sorted((toy.root / ".mlops" / "runs").glob("2*"))


def _client(toy: Toy, uri: str | None = None) -> Any:
    from mlops_mlflow.database import client_of

    return client_of(uri, toy.root / ".mlops")


def _shown(client: Any, experiment: str = "measure") -> list[Any]:
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id])) if found else []


def test_a_sweep_is_shown_as_runs_below_one(measure: Toy) -> None:
    answer = measure("run", "-m", "recipe=measure", "measure.steps=2,3", "tracker.patience=60", **ON)
    assert answer.code == 0, answer.err
    assert answer.out.count("tracked  mlops ui (experiment measure") == 2
    shown = {run.data.tags["mlops.run"]: run for run in _shown(_client(measure))}
    jobs = [shown[run.name] for run in _runs(measure)]
    (heading,) = (run for name, run in shown.items() if name.startswith("sweep-"))
    assert {job.data.tags["mlflow.parentRunId"] for job in jobs} == {heading.info.run_id}
    assert {job.info.status for job in (*jobs, heading)} == {"FINISHED"}
    assert [job.data.params["measure.steps"] for job in jobs] == ["2", "3"]
    assert heading.info.end_time == max(job.info.end_time for job in jobs)


def test_no_metric_is_lost_or_doubled_when_followers_are_killed(measure: Toy, ended: Ended) -> None:
    os.environ["MLOPS_NO_TRACKING"] = "0"
    try:
        process = measure.start("run", "recipe=measure", "measure.steps=3000", "measure.pause=0.004")
    finally:
        os.environ["MLOPS_NO_TRACKING"] = "1"
    ended(process)
    killed, life = 0, 2.0
    while process.poll() is None:
        time.sleep(life)
        life += 0.37
        pid = _follower(measure)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            killed += 1
            start_follower(Project(measure.root))
    assert process.returncode == 0
    assert killed > 2
    assert measure("runs", "sync").code == 0
    client = _client(measure)
    (shown,) = _shown(client)
    history = client.get_metric_history(shown.info.run_id, "measure.loss")
    assert sorted(item.step for item in history) == list(range(3000))
    assert shown.info.status == "FINISHED"


def test_a_killed_run_does_not_stay_running(measure: Toy, ended: Ended) -> None:
    process = measure.start("run", "recipe=measure", "measure.steps=100000", "measure.pause=0.01")
    ended(process)
    for _ in range(600):
        if _runs(measure) and "loss" in (_runs(measure)[0] / "events.jsonl").read_text():
            break
        time.sleep(0.05)
    assert measure("runs", "sync").code == 0
    assert [run.info.status for run in _shown(_client(measure))] == ["RUNNING"]
    process.kill()
    process.wait()
    assert measure("runs", "sync").code == 0
    assert [run.info.status for run in _shown(_client(measure))] == ["KILLED"]


def test_a_database_that_was_thrown_away_is_filled_again(measure: Toy) -> None:
    measure("run", "recipe=measure")
    measure("runs", "sync")
    for path in (measure.root / ".mlops" / "mlflow").glob("*"):
        if path.is_file():
            path.unlink()
    assert measure("runs", "sync", "--again").code == 0
    (shown,) = _shown(_client(measure))
    assert shown.data.metrics["measure.loss"] == pytest.approx(0.1)


def test_what_a_person_deletes_in_mlflow_stays_deleted(measure: Toy) -> None:
    measure("run", "recipe=measure")
    measure("runs", "sync")
    client = _client(measure)
    client.delete_run(_shown(client)[0].info.run_id)
    assert measure("runs", "sync", "--again").code == 0
    assert _shown(client) == []


def test_a_deleted_experiment_is_named_with_the_way_back(measure: Toy) -> None:
    measure("run", "recipe=measure")
    measure("runs", "sync")
    client = _client(measure)
    client.delete_experiment(client.get_experiment_by_name("measure").experiment_id)
    answer = measure("runs", "sync", "--again")
    assert answer.code == 1
    assert "the experiment 'measure' is deleted in MLflow" in answer.out
    assert "mlflow experiments restore" in answer.out


def test_a_server_that_was_away_gets_everything_when_it_is_back(measure: Toy, tmp_path: Path) -> None:
    port = free_port()
    words = ("recipe=measure", "tracker.uri=${oc.env:TRACKING}", "tracker.retry=0", "tracker.patience=60")
    given = {"TRACKING": f"http://me:s3cret@127.0.0.1:{port}"}
    away = measure("run", *words, **ON, **given)
    assert away.code == 0
    assert "does not answer: [Errno 111] Connection refused" in away.err
    with serving(tmp_path, port) as url:
        sent = measure("runs", "sync", **given)
        assert sent.code == 0, sent.out
        assert "/#/experiments/" in sent.out
        (shown,) = _shown(_client(measure, url))
        assert shown.data.metrics["measure.loss"] == pytest.approx(0.1)
        assert shown.info.artifact_uri.startswith("mlflow-artifacts:")
        files = [item.path for item in _client(measure, url).list_artifacts(shown.info.run_id)]
        assert files == ["recipe.yaml", "report.html"]
        assert not (measure.root / ".mlops" / "mlflow" / "mlflow.db").exists()
    for path in (measure.root / ".mlops").rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes(), path
    assert "s3cret" not in json.dumps(shown.to_dictionary())
    assert acknowledged(_runs(measure)[0]).complete


def test_a_server_that_is_none_fails_no_run(measure: Toy) -> None:
    words = ("recipe=measure", "tracker.uri=nonsense://x", "tracker.retry=0", "tracker.patience=60")
    answer = measure("run", *words, **ON)
    assert answer.code == 0
    assert "the tracker has not got this run" in answer.err


def test_the_pages_are_served_on_this_machine_alone(measure: Toy, ended: Ended) -> None:
    measure("run", "recipe=measure")
    measure("runs", "sync")
    port = free_port()
    process = measure.start("ui", "--port", str(port))
    ended(process)
    assert b"<title>MLflow</title>" in answers(f"http://127.0.0.1:{port}/")
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/search",
        json.dumps({"experiment_ids": ["1"]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own server
        assert _runs(measure)[0].name in answer.read().decode()
    assert json.loads(answers(f"http://127.0.0.1:{port}/ajax-api/3.0/mlflow/ui-telemetry"))["disable_ui_telemetry"]
    taken = measure("ui", "--port", str(port))
    assert taken.code == 2
    assert f"port {port} cannot be used" in taken.err
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert process.stdout is not None
    assert process.stdout.read().startswith(f"http://127.0.0.1:{port}")
