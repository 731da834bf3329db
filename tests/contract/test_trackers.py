"""Every first-party tracker keeps the trackers' contract, and so does one that a user would write."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from mlops.plugins import Plugins
from mlops.services.tracker import Batch, RunForgotten, TrackedRun, Tracker
from mlops.stage import Place
from mlops.testing.tracker import Shown, TrackerContract

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of a project whose database was just made."""
    from mlops_mlflow.database import prepared

    state = tmp_path_factory.mktemp("empty")
    prepared(state)
    return state


class TestMlflow(TrackerContract):
    """The project's own database."""

    @pytest.fixture
    def place(self, tmp_path: Path, empty: Path) -> Place:
        shutil.copytree(empty, tmp_path / ".mlops")
        return Place(tmp_path, tmp_path / ".mlops", "flights")

    def tracker(self) -> Tracker:
        kind = Plugins(Path("nowhere")).resolve("mlops_mlflow.tracker.Mlflow", Tracker)
        return kind.model_validate({})  # type: ignore[return-value] # resolved as a tracker

    def shown(self, run: str, place: Place) -> Shown | None:
        from mlops_mlflow.database import client_of

        return shown_by(client_of(None, place.state), run)


@pytest.mark.slow
class TestMlflowServer(TestMlflow):
    """A tracking server of its own."""

    server: str = ""
    experiment: str = ""

    @pytest.fixture(autouse=True)
    def connected(self, mlflow_server: str, request: pytest.FixtureRequest) -> None:
        self.server = mlflow_server
        self.experiment = request.node.name

    def tracker(self) -> Tracker:
        kind = Plugins(Path("nowhere")).resolve("mlops_mlflow.tracker.Mlflow", Tracker)
        given = {"uri": self.server, "experiment": self.experiment or "any"}
        return kind.model_validate(given)  # type: ignore[return-value] # resolved as a tracker

    def shown(self, run: str, place: Place) -> Shown | None:
        from mlops_mlflow.database import client_of

        client = client_of(self.server, place.state)
        found = client.get_experiment_by_name(self.experiment)
        return shown_by(client, run, [found.experiment_id]) if found else None


def shown_by(client: Any, run: str, among: list[str] | None = None) -> Shown | None:
    """Read a run back from MLflow, from some experiments or all."""
    experiments = among or [found.experiment_id for found in client.search_experiments()]
    found = client.search_runs(experiments, filter_string=f"tags.`mlops.run` = '{run}'")
    if not found:
        return None
    assert len(found) == 1, f"{run} is there {len(found)} times"
    info, data = found[0].info, found[0].data
    above = data.tags.get("mlflow.parentRunId")
    history = {
        name: [(item.step, item.value) for item in sorted(client.get_metric_history(info.run_id, name), key=_by_step)]
        for name in data.metrics
    }
    return Shown(
        parameters=data.params,
        metrics=history,
        ended=info.status != "RUNNING" and info.end_time is not None,
        files=sorted(_files(client, info.run_id, "")),
        parent=client.get_run(above).data.tags["mlops.run"] if above else None,
        tags=data.tags,
    )


def _by_step(item: Any) -> int:
    return int(item.step)


def _files(client: Any, run_id: str, path: str) -> list[str]:
    found: list[str] = []
    for item in client.list_artifacts(run_id, path or None):
        found += _files(client, run_id, item.path) if item.is_dir else [item.path]
    return found


class Diary(Tracker):
    """Keeps each run in a JSON file."""

    title: str = Field(default="diary", min_length=1)
    """Name of the folder."""

    def send(self, run: TrackedRun, batch: Batch, place: Place) -> None:
        path = place.state / self.title / f"{run.id}.json"
        if not batch.first and not path.exists():
            raise RunForgotten(f"no page for {run.id}")
        path.parent.mkdir(exist_ok=True)
        page = json.loads(path.read_text()) if path.exists() else {"metrics": [], "files": []}
        page |= {"parameters": dict(run.parameters), "parent": run.parent, "status": batch.status}
        page["files"] = sorted({*page["files"], *batch.artifacts})
        known = {tuple(item) for item in page["metrics"]}
        page["metrics"] = sorted(known | {(item.name, item.step, str(item.value)) for item in batch.metrics})
        path.write_text(json.dumps(page))

    def where(self, run: TrackedRun, place: Place) -> str:
        return str(place.state / self.title / f"{run.id}.json")


class TestDiary(TrackerContract):
    """What a user would write in plugins/."""

    def tracker(self) -> Tracker:
        return Diary()

    def shown(self, run: str, place: Place) -> Shown | None:
        path = place.state / "diary" / f"{run}.json"
        if not path.exists():
            return None
        page = json.loads(path.read_text())
        metrics: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for name, step, value in page["metrics"]:
            metrics[name].append((step, float(value)))
        ended = page["status"] != "running"
        return Shown(page["parameters"], metrics, ended, page["files"], page["parent"] or None)
