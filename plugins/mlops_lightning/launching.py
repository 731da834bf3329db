"""From an estimator to a fitted network: choose the hardware, carry out the job, read what it wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops.formats.features import Prepared
from mlops.stage import Context, Machine
from mlops_lightning.families import name_of
from mlops_lightning.fitted import FittedNetwork
from mlops_lightning.fitting import fit_job
from mlops_lightning.job import Job
from mlops_lightning.memory import fit_within_memory
from mlops_lightning.native import read_native
from mlops_lightning.ranks import launch
from mlops_lightning.resolving import Resolved, resolve
from mlops_lightning.usage import usable_gpus

if TYPE_CHECKING:
    from mlops_lightning.estimator import NeuralEstimator

__all__ = ["fit"]


def fit(estimator: NeuralEstimator, prepared: Prepared, *, context: Context) -> FittedNetwork:
    """Fit here, or in several processes; when memory runs out, with fewer rows at a time."""
    hardware = _resolved(estimator, prepared, context.machine)
    for choice in hardware.choices:
        context.log.info("%s: %s (%s)", choice.key, choice.value, choice.reason)
    output = context.output("fit")
    job = Job(
        prepared=str(prepared.folder),
        estimator=name_of(type(estimator)),
        parameters=estimator.model_dump(mode="json"),
        seed=context.seed,
        cpus=context.cpus,
        output=str(output),
        resume=None if context.resume is None else str(context.resume),
        hardware=hardware.to_json(),
    )
    if hardware.devices > 1:
        fit_within_memory(job, lambda item: launch(item, report=context), report=context)
    else:
        fit_within_memory(job, lambda item: fit_job(item, report=context), report=context)
    history = json.loads((output / "history.json").read_text(encoding="utf-8"))
    return FittedNetwork.of(type(estimator))(read_native(output), history=history, threads=context.cpus)


def _resolved(estimator: NeuralEstimator, prepared: Prepared, machine: Machine) -> Resolved:
    """Choose from what torch can use; where it can use no GPU, the driver's are named in the reason."""
    usable = usable_gpus(machine.gpus)
    return resolve(
        estimator.hardware,
        replace(machine, gpus=usable) if usable else machine,
        rows=prepared.rows("train"),
        width=len(prepared.facts.features),
        batch_size=estimator.batch_size,
        epochs=estimator.epochs,
        usable=bool(usable),
    )
