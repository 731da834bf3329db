"""One batch of a run into MLflow, so that the same batch twice leaves what it leaves once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import Metric, Param, RunTag

from mlops.services.tracker import Batch, RunForgotten, TrackedRun
from mlops.stage import Place
from mlops_mlflow.tracking_names import allowed, tags_of
from mlops_mlflow.tracking_runs import Runs
from mlops_mlflow.tracking_trouble import translated

__all__ = ["page", "send"]

_MOST_PARAMETERS = 100
_STATUS = {"running": "RUNNING", "done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


def send(run: TrackedRun, batch: Batch, *, uri: str | None, experiment: str, place: Place) -> None:
    """Log a batch.

    Raises:
        TrackerUnreachable: the server does not answer.
        RunForgotten: the batch is not the first, and MLflow does not have the run.
    """
    with translated(uri):
        runs = Runs.open(uri, experiment, place)
        found = runs.find(run.id)
        if found is None and not batch.first:
            raise RunForgotten(f"MLflow has no run {run.id}", where=experiment)
        found = found or runs.make(run)
        if found.info.lifecycle_stage == "active":  # what a person deleted in MLflow stays deleted
            _log(runs, found.info.run_id, run, batch=batch)


def page(run: TrackedRun, *, uri: str, experiment: str, place: Place) -> str:
    """Give the address of a run's page on a server."""
    with translated(uri):
        found = Runs.open(uri, experiment, place).find(run.id)
    shown = uri.rstrip("/")
    return f"{shown}/#/experiments/{found.info.experiment_id}/runs/{found.info.run_id}" if found else shown


def _log(runs: Runs, run_id: str, run: TrackedRun, *, batch: Batch) -> None:
    if batch.first:
        _log_parameters(runs.client, run_id, run.parameters)
    if batch.metrics:
        metrics = [Metric(allowed(item.name), item.value, item.time, item.step) for item in batch.metrics]
        runs.client.log_batch(run_id, metrics=metrics)
    if batch.first or batch.ended:
        tags = {**tags_of(run), "mlops.status": batch.status}
        runs.client.log_batch(run_id, tags=[RunTag(name, text) for name, text in tags.items()])
    if batch.artifacts:
        with _staged(batch.artifacts, beside=run.folder) as folder:
            runs.client.log_artifacts(run_id, str(folder))
    if batch.ended:
        runs.client.set_terminated(run_id, _STATUS.get(batch.status, "FAILED"), batch.ended)
        runs.close_sweep(run, failed=batch.status != "done", ended=batch.ended)


def _log_parameters(client: Any, run_id: str, parameters: Mapping[str, str]) -> None:
    named = [Param(allowed(name), text) for name, text in parameters.items()]
    for start in range(0, len(named), _MOST_PARAMETERS):
        client.log_batch(run_id, params=named[start : start + _MOST_PARAMETERS])


@contextmanager
def _staged(artifacts: Mapping[str, Path], *, beside: Path) -> Iterator[Path]:
    """Lay files out under the names to show: what is read-only in the store must be replaceable in MLflow."""
    with TemporaryDirectory(prefix=".tracking-", dir=beside) as name:
        folder = Path(name)
        for shown, path in artifacts.items():
            (folder / shown).parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, folder / shown, copy_function=shutil.copyfile)
                (folder / shown).chmod(0o755)
            else:
                shutil.copyfile(path, folder / shown)
        yield folder
