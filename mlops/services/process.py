"""Run one stage in a process of its own that can be ended, and that never outlives its parent."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import IO, Any, Self

from mlops.errors import StageError
from mlops.services.calls import CHILD, data_of, follow
from mlops.services.executor import Call, Outcome

__all__ = ["Child", "run_in_process"]

_GRACE = 3.0
"""Seconds that a stage has to end when it is asked to, before it is ended."""

_LIMITS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Child:
    """A process that runs a stage: give it the call's data, read its lines, end it."""

    def __init__(self, *, threads: int, timeout: float | None = None, hidden: str = "") -> None:
        """Start the process.

        Args:
            threads: what its libraries may use.
            timeout: seconds after which it is ended.
            hidden: folder that it is not to import from, although this process does.
        """
        self._timeout = timeout
        self._overdue = False
        read, write = os.pipe()
        self.lines: IO[str] = os.fdopen(read, "r", encoding="utf-8")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, *CHILD, str(write), str(os.getpid())],
                stdin=subprocess.PIPE,
                pass_fds=(write,),
                start_new_session=True,
                env=_environment(threads, hidden=hidden),
            )
        except BaseException:
            self.lines.close()
            raise
        finally:
            os.close(write)
        self._timers = [] if timeout is None else [_later(timeout, self._too_long)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        self._kill()
        self._process.wait()
        self.lines.close()

    def begin(self, data: dict[str, Any]) -> None:
        """Hand the call over."""
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(json.dumps(data).encode())

    def ask(self) -> None:
        """Ask the process to end, so that a fit can save where it is; it is ended a little later if it does not."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        self._timers.append(_later(_GRACE, self._kill))

    def why_silent(self) -> StageError:
        """Say why the process ended without a word; called after the block."""
        if self._overdue:
            return StageError(
                f"took longer than its timeout of {self._timeout:g} s and was ended", fix="raise timeout:"
            )
        return StageError(
            f"its process ended with code {self._process.returncode}",
            fix="look for memory: the system may have ended it",
        )

    def _too_long(self) -> None:
        self._overdue = True
        self._kill()

    def _kill(self) -> None:
        """End the process and all that it started."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def run_in_process(call: Call) -> Outcome:
    """Run a call in a new process and end that process when its time is over.

    Raises:
        StageError: the stage failed, took too long, was cancelled or died.
    """
    with Child(threads=call.context.cpus, timeout=call.timeout) as child, call.cancellation.ends(child.ask):
        child.begin(data_of(call))
        outcome = follow(child.lines, call)
    if outcome is None:
        raise StageError("it was cancelled") if call.cancellation.asked else child.why_silent()
    return outcome


def _later(seconds: float, act: Any) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def _environment(threads: int, *, hidden: str) -> dict[str, str]:
    """Let the process import what this one can, and its libraries use no more threads than the stage was given."""
    given = {name: _fewer(os.environ.get(name), threads) for name in _LIMITS}
    path = os.pathsep.join(entry for entry in sys.path if entry and entry != hidden)
    return {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **given, "PYTHONPATH": path}


def _fewer(limit: str | None, threads: int) -> str:
    return str(min(int(limit), threads)) if limit and limit.isdigit() and int(limit) > 0 else str(threads)
