"""Cores, memory, threads and limits of this process."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlops.doctor.distributions import Installed
from mlops.doctor.finding import Finding, ok, warn
from mlops.machine import cores, memory
from mlops.text import size

__all__ = ["examine_capacity"]

_TOPIC = "machine"
_MEMINFO = Path("/proc/meminfo")
_SHARED = Path("/dev/shm")  # noqa: S108 - looked at, never written to
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
_LEAST_MEMORY = 2**30
_LEAST_SHARED = 2**30
_LEAST_FILES = 1024


def examine_capacity(installed: Installed) -> Iterator[Finding]:
    """Look at what a stage may use."""
    yield ok(_TOPIC, f"{cores()} cores, {size(memory())} of memory")
    free = _available()
    if free is not None and free < _LEAST_MEMORY:
        yield warn(_TOPIC, f"only {size(free)} of memory are free", fix="end other programs, or ask for less")
    load = os.getloadavg()[0]
    if load > 2 * cores():
        yield warn(_TOPIC, f"{load:.0f} tasks want {cores()} cores: times say little", fix="wait, or use fewer threads")
    yield from _threads()
    yield from _limits(installed)


def _available() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def _threads() -> Iterator[Finding]:
    for name in _THREADS:
        value = os.environ.get(name, "")
        first = value.partition(",")[0].strip()
        if value and not first.isdigit():
            yield warn(_TOPIC, f"{name}={value} is no number", where=name, fix=f"unset {name}")
        elif value and int(first) > cores():
            fix = f"unset {name}, or export {name}={cores()}"
            yield warn(_TOPIC, f"{name}={value} is more than the {cores()} cores: fits get slower", where=name, fix=fix)
        elif value:
            yield ok(_TOPIC, f"{name}={value}")


def _limits(installed: Installed) -> Iterator[Finding]:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= files < _LEAST_FILES:
        yield warn(_TOPIC, f"a process may open {files} files only", where="ulimit -n", fix="ulimit -n 4096")
    if installed.has("ray") and _SHARED.is_dir() and (shared := shutil.disk_usage(_SHARED).total) < _LEAST_SHARED:
        fix = "start the container with --shm-size=2g"
        yield warn(_TOPIC, f"Ray keeps objects in {size(shared)} of shared memory", where=str(_SHARED), fix=fix)
