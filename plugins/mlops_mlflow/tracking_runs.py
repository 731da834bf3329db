"""Which MLflow run stands for which run of ours: found by a tag, made by one process at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlflow.entities import ViewType

from mlops.durable import locked
from mlops.errors import ProjectError
from mlops.services.tracker import TrackedRun
from mlops.stage import Place
from mlops_mlflow.database import artifacts_of, client_of
from mlops_mlflow.tracking_names import RUN_TAG, SWEEP_TAG, tags_of

__all__ = ["Runs"]

_PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class Runs:
    """The runs of one experiment."""

    client: Any
    experiment: str
    """ID."""

    place: Place

    @classmethod
    def open(cls, uri: str | None, experiment: str, place: Place) -> Runs:
        """Find an experiment by its name, or make it.

        Raises:
            ProjectError: it was deleted.
        """
        client = client_of(uri, place.state)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            with _alone(place):
                found = client.get_experiment_by_name(experiment) or _made(client, experiment, uri, place=place)
        if found.lifecycle_stage != "active":
            raise ProjectError(
                f"the experiment {experiment!r} is deleted in MLflow",
                fix=f"restore it (mlflow experiments restore -x {found.experiment_id}), or set tracker.experiment",
            )
        return cls(client, str(found.experiment_id), place)

    def find(self, name: str) -> Any:
        """Find the MLflow run of a run or sweep, deleted ones too; None when there is none."""
        found = self.client.search_runs(
            [self.experiment],
            filter_string=f"tags.`{RUN_TAG}` = '{name}'",
            run_view_type=ViewType.ALL,
            max_results=1,
            order_by=["attributes.start_time ASC"],
        )
        return found[0] if found else None

    def make(self, run: TrackedRun) -> Any:
        """Make the MLflow run of a run, below its parent, unless somebody just did."""
        with _alone(self.place):
            tags = dict(tags_of(run))
            if run.parent:
                tags[_PARENT] = self._parent(run).info.run_id
            started = run.started or None
            return self.find(run.id) or self.client.create_run(self.experiment, started, tags, run.id)

    def close_sweep(self, run: TrackedRun, *, failed: bool, ended: int) -> None:
        """Move the end of a sweep to that of its latest job; it has failed when one of them has."""
        heading = self.find(run.parent) if run.in_sweep else None
        if heading is None or heading.info.lifecycle_stage != "active":
            return
        status = "FAILED" if failed or heading.info.status == "FAILED" else "FINISHED"
        latest = max(ended, heading.info.end_time or 0)
        self.client.set_terminated(heading.info.run_id, status, latest)

    def _parent(self, run: TrackedRun) -> Any:
        found = self.find(run.parent)
        if found is not None:
            return found
        tags = {RUN_TAG: run.parent, "mlops.recipe": run.recipe}
        if not run.in_sweep:  # its own first batch will say the rest
            return self.client.create_run(self.experiment, run.started or None, tags, run.parent)
        made = self.client.create_run(self.experiment, run.started or None, {**tags, SWEEP_TAG: "true"}, run.parent)
        # A sweep is a heading over its jobs: nobody is there to end it when it is killed, so it is never left open.
        self.client.set_terminated(made.info.run_id, "FINISHED", run.started or None)
        return made


def _alone(place: Place) -> Any:
    """Be the only process of this project that makes something."""
    return locked(place.state / "mlflow" / "runs.lock")


def _made(client: Any, name: str, uri: str | None, *, place: Place) -> Any:
    """Make an experiment; a server decides itself where artifacts lie, a database does not."""
    is_server = uri is not None and not uri.startswith(("sqlite", "postgresql", "mysql", "mssql"))
    location = None if is_server else str(artifacts_of(place.state) / quote(name, safe=""))
    return client.get_experiment(client.create_experiment(name, artifact_location=location))
