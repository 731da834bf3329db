"""One fit in this process, with Lightning's Trainer as the engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlops.errors import StageError
from mlops.formats.artifact import write_json
from mlops.formats.features import Batch, Prepared
from mlops.formats.splits import PartName
from mlops_lightning.averaging import Averages
from mlops_lightning.checkpoints import Checkpoints
from mlops_lightning.determinism import settings
from mlops_lightning.estimator import NeuralEstimator
from mlops_lightning.evaluation import dealt, evaluation_rows
from mlops_lightning.families import family_of
from mlops_lightning.job import Job, Report
from mlops_lightning.loaders import LEAST, Loader, MemoryLoader, RowBatch, Steps
from mlops_lightning.loaders_stream import StreamLoader
from mlops_lightning.losses import Objective
from mlops_lightning.native import write_native
from mlops_lightning.processes import rank
from mlops_lightning.quiet import quiet
from mlops_lightning.resolving import Resolved
from mlops_lightning.run import Run
from mlops_lightning.signals import stop_requests
from mlops_lightning.state import State
from mlops_lightning.statistics import measure
from mlops_lightning.training import train
from mlops_lightning.usage import watch
from mlops_lightning.weighing import Weigher

__all__ = ["fit_job"]

_WORK = "work"
_WITHOUT_INFLUENCE = {"hardware", "checkpoint", "max_time"}
"""Options that may differ between a fit and its resumption."""


def fit_job(job: Job, *, report: Report) -> None:
    """Carry out a fit, from its last checkpoint where there is one.

    Writes ``weights.safetensors``, ``network.json`` and ``history.json`` into ``job.output``; of
    several processes that train together only the first writes.

    Raises:
        StageError: training diverged, or a validation part has no weight.
        KeyboardInterrupt: a signal asked the fit to end; a checkpoint was written.
    """
    options = family_of(job.estimator).model_validate(job.parameters)
    on_gpu = Resolved.from_json(job.hardware).accelerator == "gpu"
    torch_is_ours = settings(options.determinism, seed=job.seed, threads=job.cpus)
    with quiet(report.log), torch_is_ours, watch(on_gpu=on_gpu) as usage, stop_requests() as stop:
        fit = _Fit(job, options, report)
        weights = train(fit.run, checkpoints=fit.checkpoints, stop=stop)
    if rank() == 0:
        fit.write(weights)
        usage.record(report)


class _Fit:
    """Builds what a fit is made of, and writes what came of it."""

    def __init__(self, job: Job, options: NeuralEstimator, report: Report) -> None:
        self._job = job
        self._options = options
        self._prepared = Prepared(Path(job.prepared))
        self._hardware = Resolved.from_json(job.hardware)
        self._state = State()
        self.statistics = measure(self._prepared)
        self.run = self._run(report)
        self.checkpoints = self._checkpoints()

    def _run(self, report: Report) -> Run:
        job, options, facts = self._job, self._options, self._prepared.facts
        device = _device(self._hardware)
        network = options.network(facts, self.statistics)
        if self._hardware.strategy != "fsdp":
            network = network.to(device)
        weigher = Weigher.of(self._prepared, self.statistics, balanced=options.class_weight == "balanced")
        rows = self._prepared.rows("train")
        steps = Steps(rows, min(self._hardware.batch_size, rows), self._hardware.devices, rank())
        _check(steps)
        return Run(
            options=options,
            facts=facts,
            hardware=self._hardware,
            network=network,
            objective=Objective(facts.task, options.loss, options.label_smoothing),
            steps=steps,
            loader=self._loader(steps, weigher, device=device),
            validation=self._validation(weigher, device=device),
            averages=Averages(network, options.average, decay=options.average_decay),
            state=self._state,
            seed=job.seed,
            report=report,
            keep=Path(job.resume) if job.resume else Path(job.output).parent,
        )

    def _loader(self, steps: Steps, weigher: Weigher, *, device: torch.device) -> Loader:
        if self._hardware.data == "stream":
            return StreamLoader(
                self._prepared,
                steps=steps,
                weigher=weigher,
                position=self._state,
                seed=self._job.seed,
                device=device,
            )
        rows = _rows(self._whole("train", weigher))
        held = rows.to(device) if self._hardware.data == "device" else rows
        chunk = min(steps.chunk, self._options.checkpoint.every_steps or steps.chunk)
        return MemoryLoader(held, steps, self._state, self._job.seed, device, chunk)

    def _validation(self, weigher: Weigher, *, device: torch.device) -> Callable[[], Iterator[RowBatch]] | None:
        """Cut this process's share of the validation rows into batches."""
        if not self._prepared.rows("validation"):
            return None
        size = evaluation_rows(len(self._prepared.facts.features))
        world, place = self._hardware.devices, rank()
        if self._hardware.data == "stream":

            def read() -> Iterator[RowBatch]:
                for batch in self._prepared.batches("validation", rows=size):
                    yield _rows(weigher.weighed(batch))

            return lambda: (rows.to(device) for rows in dealt(read(), world=world, rank=place))
        rows = _rows(self._whole("validation", weigher)).to(device)
        starts = range(0, len(rows.target), size)
        return lambda: dealt((rows.part(start, start + size) for start in starts), world=world, rank=place)

    def _whole(self, part: PartName, weigher: Weigher) -> Batch:
        prepared = self._prepared
        return weigher.weighed(Batch(prepared.matrix(part), prepared.target(part), prepared.weight(part)))

    def _checkpoints(self) -> Checkpoints | None:
        if self._job.resume is None:
            return None
        return Checkpoints(Path(self._job.resume) / "checkpoints", fingerprint=self._fingerprint())

    def _fingerprint(self) -> str:
        """Tell apart fits that must not go on from one another's checkpoints."""
        steps = self.run.steps
        facts = {
            "estimator": self._job.estimator,
            "parameters": {k: v for k, v in self._job.parameters.items() if k not in _WITHOUT_INFLUENCE},
            "seed": self._job.seed,
            "steps": [steps.rows, steps.batch, steps.world],
            "features": self._prepared.facts.features,
            "data": self._hardware.data == "stream",
            "torch": torch.__version__,
        }
        return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()

    def write(self, weights: dict[str, Tensor]) -> None:
        """Write the weights and what they are of, the curves, and the figures of the fit."""
        job, state = self._job, self._state
        output = Path(job.output)
        write_native(
            output,
            weights,
            family=job.estimator,
            parameters=job.parameters,
            facts=self._prepared.facts,
            statistics=self.statistics,
        )
        write_json(output / "history.json", state.curves.known())
        report = self.run.report
        report.metric("epochs", state.epoch)
        if state.best.epoch > 0:
            report.metric("best_epoch", state.best.epoch)
        if state.seconds:
            report.metric("samples_per_second", state.rows / state.seconds)


def _check(steps: Steps) -> None:
    """Refuse steps that leave a process without rows."""
    if steps.world > 1 and steps.size(0) < LEAST * steps.world:
        raise StageError(
            f"{steps.world} processes cannot share steps of {steps.batch} rows: each needs {LEAST}",
            fix="set hardware.devices: 1, or a larger batch_size",
        )


def _rows(batch: Batch) -> RowBatch:
    """Look at arrays as tensors."""
    arrays = [None if item is None else np.require(item, requirements=["W", "C"]) for item in batch]
    matrix, target, weight = (None if item is None else torch.from_numpy(item) for item in arrays)
    if matrix is None or target is None:
        raise StageError("a part has no features or no target")
    return RowBatch(matrix, target, weight)


def _device(hardware: Resolved) -> torch.device:
    if hardware.accelerator == "gpu":
        return torch.device("cuda", rank() if hardware.devices > 1 else torch.cuda.current_device())
    return torch.device("cpu")
