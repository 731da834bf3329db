"""A fit that runs out of memory goes on with fewer rows at a time and the same steps."""

from __future__ import annotations

import gc
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlops.errors import StageError
from mlops_lightning.job import Job, Report
from mlops_lightning.resolving import Resolved

__all__ = ["MemoryShort", "fit_within_memory", "is_memory_short"]

_WORDS = re.compile(r"out of memory|can't allocate memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)
"""What torch says in a plain RuntimeError: the allocators of the CPU and of libraries have no class of their own."""


class MemoryShort(StageError):
    """Memory ran out in a process of the fit."""


def is_memory_short(error: BaseException) -> bool:
    """Say whether an error, or what it was raised from, is memory that ran out on a GPU or a CPU."""
    import torch

    if isinstance(error, MemoryShort | MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, RuntimeError) and _WORDS.search(str(error)):
        return True
    return error.__cause__ is not None and is_memory_short(error.__cause__)


def fit_within_memory(job: Job, run: Callable[[Job], None], *, report: Report) -> Job:
    """Run a fit; each time memory runs out, run it again with half the rows at a time.

    The gradients of twice as many passes are then added up in each step, so that a step takes the
    same rows as before. The fit goes on from its last checkpoint, when it has written one.

    Args:
        job: the fit.
        run: carries out a job, in this process or in several.
        report: gets a warning each time.

    Returns:
        The job as it was carried out in the end.

    Raises:
        StageError: memory does not suffice for one row at a time.
    """
    while True:
        try:
            run(job)
        except Exception as exc:
            if not is_memory_short(exc):
                raise
            job = _with_less(job, exc, report=report)
        else:
            return job
        # Out of the handler: its traceback held on to the tensors of the failed step.
        _release(Path(job.output))


def _with_less(job: Job, error: Exception, *, report: Report) -> Job:
    """Halve the rows at a time."""
    hardware = Resolved.from_json(job.hardware)
    if hardware.micro_batch <= 1:
        raise StageError(
            f"memory ran out with one row at a time: {_first_line(error)}",
            fix="set hardware.data: stream, or make the network smaller, or run on a larger device",
        ) from error
    less = replace(hardware, accumulate=2 * hardware.accumulate)
    report.log.warning(
        "memory ran out with %d rows at a time (%s); going on with %d rows at a time, %d times in each step of %d",
        hardware.micro_batch,
        _first_line(error),
        less.micro_batch,
        less.accumulate,
        less.batch_size,
    )
    return replace(job, hardware=less.to_json())


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _release(output: Path) -> None:
    """Give back what the failed fit held, on the device and in its output folder."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    for path in output.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
