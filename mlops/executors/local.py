"""Run stages on this machine: in this process, or in processes of their own, several at once."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from mlops.machine import cores, memory, size
from mlops.services.executor import Call, Executor, Outcome, collect
from mlops.services.process import run_in_process
from mlops.stage import Resources

__all__ = ["Local"]

_PEAK = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class Local(Executor):
    """Stages on this machine, one after another unless ``parallel`` says otherwise."""

    cpus: Annotated[int | None, Field(ge=1)] = None
    """Threads each stage may use when it does not ask for a number; its share of the cores when null."""

    parallel: Annotated[int, Field(ge=1, le=256)] = 1
    """Most stages at once. Above 1, each runs in a process of its own, as far as cores and memory reach."""

    def threads(self) -> int:
        """Threads of a stage that does not ask for a number."""
        return self.cpus or max(1, cores() // self.parallel)

    def slots(self) -> int:
        """Most stages at once."""
        return self.parallel

    def fits(self, wanted: Resources, running: Sequence[Resources]) -> bool:
        """Say whether a slot is free, and what all of them ask for is there."""
        every = [wanted, *running]
        threads = sum(min(item.cpus or self.threads(), cores()) for item in every)
        bytes_ = sum(size(item.memory) for item in every if item.memory)
        return (
            len(running) < self.parallel
            and threads <= cores()
            and sum(bool(item.gpus) for item in every) <= 1  # each takes the first cards: they would share them
            and (not memory() or bytes_ <= memory())
        )

    def execute(self, call: Call) -> Outcome:
        """Run the stage in this process; one with a timeout, or beside others, in a process that can be ended.

        Libraries keep their threads and random states by process: two stages in one would not be the same
        as one after the other.
        """
        if call.timeout is not None or not call.alone:
            return run_in_process(call)
        _reset_peak()
        return Outcome(collect(call), _peak())


def _reset_peak() -> None:
    """Start measuring peak memory anew, where the system can (Linux)."""
    try:
        _PEAK.write_text("5")
    except OSError:
        return


def _peak() -> int:
    """Largest resident memory since the last reset, in bytes."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
