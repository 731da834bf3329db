"""What this machine has: cores, memory, GPUs; and whether that is enough for what a stage asks."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from functools import lru_cache

from mlops.environment import cgroup_limits
from mlops.stage import Gpu, Machine, Resources

__all__ = ["cores", "gpus", "machine", "memory", "parsed_gpus", "shortage", "size"]

_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


@lru_cache(maxsize=1)
def cores() -> int:
    """Cores this process may use, a container's limit included."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = cgroup_limits()[0]
    return given if limit is None else max(1, min(given, math.ceil(limit)))


@lru_cache(maxsize=1)
def memory() -> int:
    """Bytes of memory this process may use, a container's limit included; 0 when the system does not say."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
    limit = cgroup_limits()[1]
    return physical if limit is None else min(physical, limit)


@lru_cache(maxsize=1)
def gpus() -> tuple[Gpu, ...]:
    """NVIDIA GPUs that the driver lists."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    asked = "--query-gpu=name,memory.total,compute_cap"
    try:
        listing = subprocess.run(  # noqa: S603 - a fixed command
            [tool, asked, "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parsed_gpus(listing.stdout) if listing.returncode == 0 else ()


def parsed_gpus(listing: str) -> tuple[Gpu, ...]:
    """Read lines such as ``NVIDIA A100, 81920, 8.0``; memory is in MiB, ``[N/A]`` where it is the machine's own."""
    pattern = r"(?P<name>[^,\n]+), *(?:(?P<memory>\d+)|\[[^]\n]*\]), *(?P<major>\d+)\.(?P<minor>\d+)"
    return tuple(
        Gpu(line["name"].strip(), int(line["memory"] or 0) * 2**20, (int(line["major"]), int(line["minor"])))
        for line in re.finditer(pattern, listing)
    )


def machine(wanted: Resources, *, threads: int | None = None) -> Machine:
    """Say what a stage will find here; it gets GPUs only when there are any, at most those it asks for when it does.

    Args:
        wanted: the stage's ``resources``.
        threads: what the executor gives a stage that does not ask for a number; all cores when None.
    """
    cpus = min(wanted.cpus or threads or cores(), cores())
    found = gpus()
    return Machine(cpus, memory(), found[: wanted.gpus] if wanted.gpus else found)


def size(text: str) -> int:
    """Read '4GiB' as bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB|MiB|GiB)", text)
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 4GiB")
    return int(float(found[1]) * _UNITS[found[2]])


def shortage(wanted: Resources) -> list[tuple[str, str]]:
    """Say what a stage asks for and this machine has not: key of resources, message."""
    found: list[tuple[str, str]] = []
    if wanted.cpus is not None and wanted.cpus > cores():
        found.append(("cpus", f"asks for {wanted.cpus} cores, this machine has {cores()}"))
    if wanted.gpus and wanted.gpus > len(gpus()):
        found.append(("gpus", f"asks for {wanted.gpus} GPU(s), this machine has {len(gpus())}"))
    if wanted.memory and memory() and size(wanted.memory) > memory():
        found.append(("memory", f"asks for {wanted.memory}, this machine has {memory() / 2**30:.1f}GiB"))
    return found
