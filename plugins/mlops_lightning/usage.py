"""How much of a GPU a fit used: its largest memory and how busy it was. On a CPU there is nothing to say."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean

from mlops_lightning.job import Report

__all__ = ["Usage", "cuda_works", "parsed_utilisation", "watch"]

_SECONDS = 1.0
"""Between two looks; nvidia-smi takes some 20 ms of one."""


@dataclass
class Usage:
    """What was seen of one GPU."""

    peak_memory: int = 0
    """Most bytes that tensors took, 0 without a GPU."""

    busy: list[float] = field(default_factory=list)
    """Share of time in which the GPU worked, at each look, 0 to 1."""

    def record(self, report: Report) -> None:
        """Report what was seen, as metrics of the fit."""
        if self.peak_memory:
            report.metric("gpu_peak_memory_mib", self.peak_memory / 2**20)
        if self.busy:
            report.metric("gpu_utilisation", fmean(self.busy))


def cuda_works() -> bool:
    """Say whether torch can use a GPU here and now: how it was built, the driver, and what is visible decide."""
    import torch

    return torch.cuda.is_available()


@contextlib.contextmanager
def watch() -> Iterator[Usage]:
    """Watch the current GPU while a fit works; what is given is complete once the block is left."""
    import torch

    usage = Usage()
    if not torch.cuda.is_available():
        yield usage
        return
    torch.cuda.reset_peak_memory_stats()
    done = threading.Event()
    looking = threading.Thread(target=_look, args=(usage, done, _identity()), name="gpu-usage", daemon=True)
    looking.start()
    try:
        yield usage
    finally:
        done.set()
        looking.join()
        usage.peak_memory = torch.cuda.max_memory_allocated()


def _identity() -> str:
    """Name the current GPU as nvidia-smi does; its number there may be another than torch's."""
    import torch

    return f"GPU-{torch.cuda.get_device_properties(torch.cuda.current_device()).uuid}"


def _look(usage: Usage, done: threading.Event, identity: str) -> None:
    tool = shutil.which("nvidia-smi")
    while tool and not done.wait(_SECONDS):
        command = [tool, f"--id={identity}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        try:
            listing = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - a fixed command
        except (OSError, subprocess.TimeoutExpired):
            return
        usage.busy += parsed_utilisation(listing.stdout)


def parsed_utilisation(listing: str) -> list[float]:
    """Read lines such as ``87`` (percent) as shares; a card that does not say gives none."""
    return [int(line) / 100 for line in listing.split() if line.isdigit()]
