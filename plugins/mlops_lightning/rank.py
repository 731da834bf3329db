"""One rank of a fit: ``python -m mlops_lightning.rank JOB.json LAUNCHER PIPE [SOCKET]``.

It does nothing but the fit: no recipe, no stage before it. Started by `mlops_lightning.ranks`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from mlops.errors import MlopsError
from mlops_lightning.job import Job

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_MEETING = timedelta(seconds=120)
"""For all ranks to start; each imports torch."""


class _Pipe(logging.Handler):
    """What a rank tells the process that launched it; a `Report` of which only rank 0 gives numbers."""

    def __init__(self, descriptor: int, *, rank: int) -> None:
        super().__init__(logging.DEBUG if rank == 0 else logging.WARNING)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._first = rank == 0
        self.log = logging.getLogger("mlops.stage")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.log.addHandler(self)

    def send(self, *message: Any) -> None:
        self._file.write(json.dumps(message) + "\n")

    def emit(self, record: logging.LogRecord) -> None:
        self.send("log", record.levelno, record.getMessage())

    def progress(self, done: float, total: float, note: str = "") -> None:
        if self._first:
            self.send("progress", done, total, note)

    def metric(self, name: str, value: float, *, step: int | None = None) -> None:
        if self._first:
            self.send("metric", name, float(value), step)


def main(argv: list[str]) -> int:
    """Take a place among the ranks, fit, report."""
    path, launcher, pipe, *listening = argv
    _die_with(int(launcher))
    signal.signal(signal.SIGUSR1, _interrupted)
    job = Job.read(Path(path))
    report = _Pipe(int(pipe), rank=int(os.environ["RANK"]))
    try:
        with _group(job, listening=int(listening[0]) if listening else None):
            from mlops_lightning.fitting import fit_job

            fit_job(job, report=report)
    except Exception as exc:  # noqa: BLE001 - everything is the launcher's to judge
        _tell(report, exc)
        return 1
    report.send("done")
    return 0


def _tell(report: _Pipe, error: Exception) -> None:
    from mlops_lightning.memory import is_memory_short

    at = time.monotonic()
    traceback.print_exc()
    text = str(error) if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
    report.send("error", at, text, is_memory_short(error))


def _interrupted(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C would; a fit in progress takes the signal over and writes a checkpoint first."""
    del number, frame
    raise KeyboardInterrupt


def _die_with(launcher: int) -> None:
    """Have the kernel end this process with the one that launched it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(1)


@contextlib.contextmanager
def _group(job: Job, *, listening: int | None) -> Iterator[None]:
    """Join the other ranks. Made here as Lightning's own way would listen on every interface."""
    import torch
    from torch import distributed

    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    on_gpu = job.hardware["accelerator"] == "gpu"
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else None
    store = distributed.TCPStore(  # type: ignore[attr-defined]  # exported only at run time
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        world,
        is_master=rank == 0,
        master_listen_fd=listening,
        timeout=_MEETING,
    )
    backend = "nccl" if on_gpu else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=world, device_id=device)
    try:
        yield
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
