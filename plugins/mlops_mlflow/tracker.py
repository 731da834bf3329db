"""Runs in MLflow: the project's own database, or any tracking server."""

from __future__ import annotations

import sys
from typing import Annotated

from pydantic import Field

from mlops.services.tracker import Batch, Browser, TrackedRun, Tracker
from mlops.stage import Place
from mlops_mlflow.database import silence

__all__ = ["Mlflow"]


class Mlflow(Tracker):
    """Shows runs in MLflow: parameters, metrics over steps, files, tags; jobs of a sweep and trials as its children."""

    uri: Annotated[str | None, Field(min_length=1)] = None
    """Address of a tracking server, such as http://127.0.0.1:5000; a database under .mlops/mlflow when null."""

    experiment: Annotated[str | None, Field(min_length=1)] = None
    """Experiment that the runs are put into; called as the recipe when null."""

    def send(self, run: TrackedRun, batch: Batch, place: Place) -> None:
        """Log a batch, in as few requests as there can be."""
        silence()
        from mlops_mlflow.tracking_send import send

        send(run, batch, uri=self.uri, experiment=self._experiment(run), place=place)

    def where(self, run: TrackedRun, place: Place) -> str:
        """Give the run's page on the server; for the project's own database, the command that opens it."""
        if self.uri is None:
            return f"mlops ui (experiment {self._experiment(run)}, run {run.id})"
        silence()
        from mlops_mlflow.tracking_send import page

        return page(run, uri=self.uri, experiment=self._experiment(run), place=place)

    def browse(self, place: Place, *, port: int) -> Browser:
        """Start MLflow's own pages over the project's database; a server has its own already."""
        if self.uri is not None:
            return Browser(self.uri)
        command = (sys.executable, "-P", "-m", "mlops_mlflow.ui", str(place.state), str(port))
        return Browser(f"http://127.0.0.1:{port}", command)

    def _experiment(self, run: TrackedRun) -> str:
        return self.experiment or run.recipe or "runs"
