"""Time and processor time of commands and functions, measured in turns so that a busy neighbour hits all alike."""

from __future__ import annotations

import gc
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "Samples", "command", "function", "interleaved", "output", "program", "threads"]

_PATIENCE_S = 900.0


@dataclass(frozen=True)
class Cost:
    """What one go took, in seconds."""

    wall: float
    cpu: float
    """Processor time of the work and of the processes that it waited for."""


@dataclass(frozen=True)
class Samples:
    """Several goes of the same work; wall and cpu are medians, each for itself."""

    costs: tuple[Cost, ...]

    @property
    def wall(self) -> float:
        """Median seconds."""
        return statistics.median(cost.wall for cost in self.costs)

    @property
    def cpu(self) -> float:
        """Median seconds of processor time."""
        return statistics.median(cost.cpu for cost in self.costs)

    def to_json(self) -> dict[str, object]:
        """Give the medians and every go."""
        each = [{"wall": cost.wall, "cpu": cost.cpu} for cost in self.costs]
        return {"wall": self.wall, "cpu": self.cpu, "samples": each}


def interleaved(cases: Mapping[str, Callable[[], Cost]], *, repeats: int) -> dict[str, Samples]:
    """Measure every case once a round, each round beginning with another one."""
    names = list(cases)
    found: dict[str, list[Cost]] = {name: [] for name in names}
    for turn in range(repeats):
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            found[name].append(cases[name]())
    return {name: Samples(tuple(costs)) for name, costs in found.items()}


def program(name: str) -> str:
    """Find a console script of the environment that runs this benchmark."""
    return str(Path(sys.executable).with_name(name))


def threads(count: int) -> dict[str, str]:
    """Say to every numeric library how many threads it may use."""
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys(names, str(count))


def command(words: Sequence[str], *, folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command that must succeed, and measure it from start to end."""
    return _timed(words, folder, env or {})[0]


def output(words: Sequence[str], *, folder: Path, env: Mapping[str, str] | None = None) -> tuple[Cost, str]:
    """Run a command that must succeed; measure it and give what it printed."""
    return _timed(words, folder, env or {})


def function(work: Callable[[], object]) -> Cost:
    """Measure a function in this process; what earlier work left behind is cleared away first."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def _timed(words: Sequence[str], folder: Path, env: Mapping[str, str]) -> tuple[Cost, str]:
    before, clock = _children(), time.perf_counter()
    with _started(words, folder, env) as process:
        out, err = process.communicate(timeout=_PATIENCE_S)
    wall = time.perf_counter() - clock
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} ended with code {process.returncode}:\n{err[-2000:]}")
    return Cost(wall, _children() - before), out


@contextmanager
def _started(words: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a process in a group of its own, and leave nothing of the group behind when it goes wrong."""
    process = subprocess.Popen(
        list(words),
        cwd=folder,
        env={**_environment(), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _environment() -> dict[str, str]:
    """Give what we were started with, but let Python keep compiled code as it does for everyone."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
