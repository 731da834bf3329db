"""Where a run happened: code version, Python, libraries, machine. Nothing that names a person or host."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from mlops.fingerprint.libraries import installed
from mlops.probes import Probe, git_facts, git_probes, gpu_facts, gpu_probe

__all__ = ["Capture", "begin", "capture", "cgroup_limits"]

_CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


class Capture:
    """Facts being gathered: git and GPU programs run beside the caller's work until `finish`."""

    def __init__(self, git: tuple[Probe, Probe], gpu: Probe) -> None:
        self._git = git
        self._gpu = gpu

    def finish(self) -> dict[str, Any]:
        """Gather everything; waits for the programs at most as long as their own limit."""
        return {
            "git": git_facts(*self._git),
            "python": _python(),
            "libraries": installed(),
            "os": _system(),
            "cpu": _cpu(),
            "memory_bytes": _memory(),
            "gpus": gpu_facts(self._gpu),
        }

    def abandon(self) -> None:
        """End the programs; for a run that comes to nothing before its record needs the facts."""
        for probe in (*self._git, self._gpu):
            probe.abandon()


def begin(project_root: Path) -> Capture:
    """Start the programs that tell about git and GPUs, and go on at once."""
    return Capture(git_probes(project_root), gpu_probe())


def capture(project_root: Path) -> dict[str, Any]:
    """Tell where the run happens: git, Python, libraries, system, CPU, memory and GPUs."""
    return begin(project_root).finish()


def cgroup_limits(root: Path = _CGROUP, membership: Path = _MEMBERSHIP) -> tuple[float | None, int | None]:
    """Read the tightest limits that a container sets.

    Returns:
        CPUs (as a share of time, 1.5 is one and a half) and bytes of memory; None where there is no limit.
    """
    folders = _cgroup_folders(root, _read(membership))
    cpus = [limit for folder in folders if (limit := _cpu_limit(folder))]
    memory = [limit for folder in folders if (limit := _memory_limit(folder))]
    return min(cpus, default=None), min(memory, default=None)


def _cgroup_folders(root: Path, membership: str) -> list[Path]:
    """List the folders whose limits hold: the process's own group and all above it, version 2 and 1."""
    folders = []
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        tops = [root / controllers] if controllers else [root]
        if controllers and set(controllers.split(",")).isdisjoint({"cpu", "memory"}):
            continue
        parts = [part for part in path.split("/") if part not in {"", ".."}]
        folders += [top.joinpath(*parts[:depth]) for top in tops for depth in range(len(parts) + 1)]
    return folders


def _cpu_limit(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
    if not period:
        quota, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
    if not quota.isdigit() or not period.isdigit():
        return None
    return int(quota) / int(period)


def _memory_limit(folder: Path) -> int | None:
    """Read a limit in bytes; what is above the machine's memory is none (version 1 says 2^63)."""
    text = _read(folder / "memory.max").strip() or _read(folder / "memory.limit_in_bytes").strip()
    return int(text) if text.isdigit() and int(text) < _memory_of_machine() else None


def _python() -> dict[str, str]:
    return {
        "version": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "executable": Path(sys.executable).name,
    }


def _system() -> dict[str, str]:
    system = os.uname()
    release = dict(line.split("=", 1) for line in _read(Path("/etc/os-release")).splitlines() if "=" in line)
    name = release.get("PRETTY_NAME", "").strip("\"'") or system.sysname
    return {"name": name, "kernel": f"{system.sysname} {system.release}", "machine": system.machine}


def _cpu() -> dict[str, Any]:
    limit, _ = cgroup_limits()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"model": _cpu_model(_read(Path("/proc/cpuinfo"), most=4096)), "count": os.cpu_count(), "usable": usable} | (
        {"limit": limit} if limit else {}
    )


def _cpu_model(text: str) -> str:
    """Find the first processor's name; ARM kernels tell none."""
    named = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(named, os.uname().machine)


def _memory() -> int:
    _, limit = cgroup_limits()
    return limit or _memory_of_machine()


def _memory_of_machine() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _read(path: Path, *, most: int = -1) -> str:
    """Read a text that the kernel may not offer."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(most)
    except OSError:
        return ""
