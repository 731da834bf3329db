"""Train in several processes of this machine, each started on its own small entry point, and end them together."""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from mlops.errors import StageError
from mlops_lightning.job import Job, Report
from mlops_lightning.memory import MemoryShort
from mlops_lightning.resolving import Resolved

__all__ = ["Failure", "launch"]

_GRACE = 30.0
"""Seconds that ranks have to write a checkpoint when the fit is interrupted."""

_GATHERING = 0.5
"""Seconds after the first failure in which others tell theirs, to find the one that came first."""

_FINISHING = 10.0
"""Seconds that the last words of ranks that ended well may take to arrive."""

_LOOK = 0.1
_SHOWN = 15
"""Lines of a failed rank that are shown."""


@dataclass(frozen=True)
class Failure:
    """Why a rank ended before its time."""

    rank: int
    at: float
    """By the machine's monotonic clock."""

    text: str
    memory: bool = False


@dataclass
class _Rank:
    """One process, and what it said last."""

    number: int
    process: subprocess.Popen[bytes]
    lines: IO[bytes]
    printed: Path
    pending: bytes = b""
    told: Failure | None = None
    done: bool = False
    silent: bool = False
    """All that it said has been heard."""

    def failure(self) -> Failure | None:
        """Say why it ended, when it did and should not have."""
        code = self.process.poll()
        if code is None or (code == 0 and (self.done or not self.silent)):
            return None
        if self.told is not None:
            return self.told
        ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        # What kills from outside comes before what others then say of a lost connection; a library's own
        # abort is such an answer.
        return Failure(self.number, math.inf if code == -signal.SIGABRT else 0.0, f"its process {ended}")

    def tail(self) -> str:
        """Last lines that it printed."""
        lines = self.printed.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_SHOWN:])


def launch(job: Job, *, report: Report) -> None:
    """Carry out a job in as many processes as its hardware has devices, and wait for them.

    Rank 0 reports for all. Each rank gets its share of the threads. They talk over the loopback
    interface only. No rank outlives this process, however it ends.

    Raises:
        MemoryShort: memory ran out in a rank.
        StageError: a rank failed or was killed; the others were ended.
    """
    world = Resolved.from_json(job.hardware).devices
    with (
        tempfile.TemporaryDirectory(prefix="ranks-", dir=Path(job.output).parent) as name,
        contextlib.ExitStack() as end,
    ):
        folder = Path(name)
        replace(job, cpus=max(1, job.cpus // world)).write(folder / "job.json")
        crew = _Crew(report)
        end.callback(crew.end)
        crew.start(folder, world=world, threads=max(1, job.cpus // world))
        crew.follow()


@dataclass
class _Crew:
    """All ranks of a fit."""

    report: Report
    ranks: list[_Rank] = field(default_factory=list)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def start(self, folder: Path, *, world: int, threads: int) -> None:
        """Start all; rank 0 inherits a socket that listens already, so no port can be lost to others."""
        with socket.create_server(("127.0.0.1", 0), backlog=world) as listening:
            for number in range(world):
                place = _environment(number, world=world, threads=threads, port=listening.getsockname()[1])
                self.ranks.append(_started(folder, number, place, listening if number == 0 else None))
        for rank in self.ranks:
            self.selector.register(rank.lines, selectors.EVENT_READ, rank)

    def follow(self) -> None:
        """Pass on what ranks say until all are done."""
        try:
            while any(rank.process.poll() is None for rank in self.ranks):
                self.listen(_LOOK)
                if self.failed():
                    break
            self.drain(_GATHERING if self.failed() else _FINISHING)
        except BaseException:
            self.interrupt()
            raise
        failures = self.failed()
        if failures:
            raise self.judged(failures)

    def failed(self) -> list[Failure]:
        """Find the ranks that failed, the first first."""
        found = [failure for rank in self.ranks if (failure := rank.failure())]
        return sorted(found, key=lambda failure: failure.at)

    def judged(self, failures: list[Failure]) -> StageError:
        """Make the error of what failed first; memory first of all, as others fail for lack of an answer."""
        first = next((failure for failure in failures if failure.memory), failures[0])
        if first.memory:
            return MemoryShort(first.text)
        printed = self.ranks[first.rank].tail()
        shown = f"\n  its last lines:\n{printed}" if printed else ""
        fix = "look for memory: the system may have ended it" if "SIGKILL" in first.text else ""
        return StageError(f"rank {first.rank} of {len(self.ranks)}: {first.text}{shown}", fix=fix)

    def listen(self, seconds: float) -> bool:
        """Take what has been said; False when nobody can say any more."""
        if not self.selector.get_map():
            time.sleep(seconds)
        for key, _ in self.selector.select(seconds) if self.selector.get_map() else ():
            rank: _Rank = key.data
            data = os.read(rank.lines.fileno(), 1 << 16)
            if not data:
                rank.silent = True
                self.selector.unregister(rank.lines)
            *whole, rank.pending = (rank.pending + data).split(b"\n")
            for line in whole:
                self.take(rank, json.loads(line))
        return bool(self.selector.get_map())

    def drain(self, seconds: float) -> None:
        """Listen until all have said their last, or time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.listen(_LOOK / 2):
            pass

    def take(self, rank: _Rank, message: list[Any]) -> None:
        """Do what a message asks for."""
        kind, *values = message
        if kind == "done":
            rank.done = True
        elif kind == "error":
            rank.told = Failure(rank.number, *values)
        elif kind == "log":
            level, text = values
            self.report.log.log(level, "%s", text if rank.number == 0 else f"rank {rank.number}: {text}")
        elif kind == "metric":
            name, value, step = values
            self.report.metric(name, value, step=step)
        elif kind == "progress":
            self.report.progress(*values)

    def interrupt(self) -> None:
        """Ask all to end, and give them time to write a checkpoint.

        Not by SIGTERM: Lightning answers that with a message to the other ranks, at a moment when they
        may await another one.
        """
        for rank in self.ranks:
            if rank.process.poll() is None:
                rank.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + _GRACE
        while any(rank.process.poll() is None for rank in self.ranks) and time.monotonic() < deadline:
            self.listen(_LOOK)

    def end(self) -> None:
        """End what still runs, each by its own id, and wait for it."""
        for rank in self.ranks:
            if rank.process.poll() is None:
                rank.process.kill()
        for rank in self.ranks:
            rank.process.wait()
            rank.lines.close()
        self.selector.close()


def _started(folder: Path, number: int, place: Mapping[str, str], listening: socket.socket | None) -> _Rank:
    read, write = os.pipe()
    printed = folder / f"rank-{number}.txt"
    inherited = [write] if listening is None else [write, listening.fileno()]
    words = [str(folder / "job.json"), str(os.getpid()), *map(str, inherited)]
    command = [sys.executable, "-m", "mlops_lightning.rank", *words]
    with printed.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=inherited,
            env=dict(place),
            # Ctrl-C in a terminal reaches the launcher alone, which then asks once.
            process_group=0,
        )
    os.close(write)
    return _Rank(number, process, os.fdopen(read, "rb", buffering=0), printed)


def _environment(rank: int, *, world: int, threads: int, port: int) -> dict[str, str]:
    """Tell a process its place as torchelastic does: Lightning then starts no processes itself."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONFAULTHANDLER": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": str(world),
        "LOCAL_WORLD_SIZE": str(world),
        "TORCHELASTIC_RUN_ID": "mlops",
        "GLOO_SOCKET_IFNAME": _loopback(),
        "NCCL_SOCKET_IFNAME": _loopback(),
        "OMP_NUM_THREADS": str(threads),
    }


def _loopback() -> str:
    """Name the interface of 127.0.0.1: lo on Linux, lo0 elsewhere."""
    return next(_named_like_loopback(), "lo")


def _named_like_loopback() -> Iterator[str]:
    yield from (name for _, name in socket.if_nameindex() if name in ("lo", "lo0"))
