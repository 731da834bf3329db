"""How much of a GPU a fit used: its largest memory and how busy it was. On a CPU there is nothing to say."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from mlops.stage import Gpu
from mlops_lightning.job import Report

__all__ = ["Usage", "has_kernels", "parsed_utilisation", "usable_gpus", "watch"]

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


def usable_gpus(listed: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Give those of the driver's GPUs that torch can use here and now.

    None, when torch was built without CUDA, when it does not get on with the driver, or when it has no
    kernels for one of them; fewer, when CUDA_VISIBLE_DEVICES hides some.
    """
    import torch

    if not listed or not torch.cuda.is_available():
        return ()
    visible = tuple(listed[: torch.cuda.device_count()])
    built = torch.cuda.get_arch_list()
    return visible if all(has_kernels(card.capability, built) for card in visible) else ()


def has_kernels(capability: tuple[int, int], built: Sequence[str]) -> bool:
    """Say whether a card of some compute capability can run what torch was built for.

    Args:
        capability: such as (8, 6).
        built: as ``torch.cuda.get_arch_list`` gives it: sm_80 is code for 8.0 and later of the same first number,
            compute_90 is compiled on first use for 9.0 and everything later, sm_90a runs on 9.0 alone.
    """
    found = [match for name in built if (match := re.fullmatch(r"(sm|compute)_(\d+)(\d)([a-z]?)", name))]
    return not found or any(_fits(capability, match) for match in found)


def _fits(capability: tuple[int, int], match: re.Match[str]) -> bool:
    kind, major, minor, only = match.groups()
    code = (int(major), int(minor))
    if only:
        return capability == code
    return capability >= code and (kind == "compute" or capability[0] == code[0])


@contextlib.contextmanager
def watch(*, on_gpu: bool) -> Iterator[Usage]:
    """Watch the current GPU while a fit works on it; what is given is complete once the block is left."""
    import torch

    usage = Usage()
    if not on_gpu:
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
