"""Run stages on this machine: in this process, or in one of their own when they may take only so long."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field

from mlops.executors.child import run_in_child
from mlops.executors.executor import Call, Executor, Outcome, collect
from mlops.machine import cores

__all__ = ["Local"]

_PEAK = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class Local(Executor):
    """One stage after another on this machine."""

    cpus: Annotated[int | None, Field(ge=1)] = None
    """Threads each stage may use when it does not ask for a number; all cores when null."""

    def threads(self) -> int:
        """Threads of a stage that does not ask for a number."""
        return self.cpus or cores()

    def execute(self, call: Call) -> Outcome:
        """Run the stage in this process; one with a timeout in a process that can be ended."""
        if call.timeout is not None:
            return run_in_child(call)
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
