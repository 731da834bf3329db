"""The worker processes of a deployment: started, watched, replaced by one that stands ready, and drained."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from mlops_serve.home import Home

__all__ = ["Crew", "Member"]

_QUICK_S = 5.0
"""A worker that ends sooner counts as failing."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 10.0
_THREADS = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Member:
    """One worker process and the line to it."""

    process: subprocess.Popen[bytes]
    line: socket.socket
    started: float = field(default_factory=time.monotonic)
    applied: int = -1
    told: bool = False
    """Whether it was told to serve."""

    serving: bool = False
    leaving: bool = False
    rest: bytes = b""

    def tell(self, word: str) -> None:
        """Say a word to it; one that is gone does not hear."""
        with suppress(OSError):
            self.line.send(word.encode() + b"\n")

    def hear(self) -> list[dict[str, Any]] | None:
        """What it said since; None when it is gone."""
        try:
            said = self.line.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            said = b""
        if not said:
            return None
        *lines, self.rest = (self.rest + said).split(b"\n")
        return [json.loads(line) for line in lines if line]


class Crew:
    """Keeps so many workers serving, and one that stands ready."""

    def __init__(self, home: Home, listening: socket.socket, *, workers: int) -> None:
        self.home = home
        self.members: list[Member] = []
        self.refused: dict[str, Any] = {}
        self.restarts = 0
        self._listening = listening
        self._workers = workers
        self.failures = 0
        """Workers in a row that ended soon after they were started."""

        self._not_before = 0.0
        self._ending = False

    @property
    def serving(self) -> list[Member]:
        """Those that take requests."""
        return [item for item in self.members if item.serving and not item.leaving]

    @property
    def is_ready(self) -> bool:
        """Whether enough serve."""
        return len(self.serving) >= self._workers

    @property
    def applied(self) -> int:
        """The revision that every serving worker has come to."""
        return min((item.applied for item in self.serving), default=-1)

    def attend(self) -> None:
        """Hear everybody, bury the dead, fill the gaps."""
        for item in list(self.members):
            said = item.hear()
            for facts in said or ():
                self._note(item, facts)
            if said is None:
                self._bury(item)
        if not self._ending:
            self._promote()
            self._fill()

    def _note(self, item: Member, facts: dict[str, Any]) -> None:
        if "applied" in facts:
            item.applied = facts["applied"]
        elif "refused" in facts:
            self.refused = facts
        elif "serving" in facts:
            item.serving = True
        elif "draining" in facts:
            item.leaving = True

    def _bury(self, item: Member) -> None:
        item.line.close()
        item.process.wait()
        self.members.remove(item)
        if self._ending:
            return
        self.restarts += 1
        quick = time.monotonic() - item.started < _QUICK_S
        self.failures = self.failures + 1 if quick else 0
        if self.failures > 1:
            wait = min(_FIRST_WAIT_S * 2 ** min(self.failures, 16), _LONGEST_WAIT_S)
            self._not_before = time.monotonic() + wait

    def _promote(self) -> None:
        active = [item for item in self.members if item.told and not item.leaving]
        ready = [item for item in self.members if not item.told and item.applied >= 0]
        for item in ready[: max(0, self._workers - len(active))]:
            item.told = True
            item.tell("serve")

    def _fill(self) -> None:
        """Start what is missing; the one that stands ready comes when the others serve."""
        if time.monotonic() < self._not_before:
            return
        wanted = self._workers + (1 if self.is_ready else 0)
        here = sum(not item.leaving for item in self.members)
        for _ in range(max(0, wanted - here)):
            self.members.append(self._start())

    def _start(self) -> Member:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        words = [str(self.home.state), self.home.name, str(os.getpid()), str(self._listening.fileno())]
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", "mlops_serve.worker", *words, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(self._listening.fileno(), theirs.fileno()),
                env={**dict.fromkeys(_THREADS, "1"), **os.environ},
            )
        finally:
            theirs.close()
        return Member(process, ours)

    def drain(self, *, seconds: float) -> None:
        """Let everybody finish what has arrived, and end; whoever takes longer is ended."""
        self._ending = True
        self._listening.close()
        end = time.monotonic() + seconds
        # Those that do not serve hold the socket too: only when they are gone does the last server's close end it,
        # and that one takes everybody who stands in the line first.
        for item in [item for item in self.members if not item.told]:
            item.process.kill()
            self._bury(item)
        for item in self.members:
            item.tell("drain")
        while self.members and time.monotonic() < end:
            self.attend()
            time.sleep(0.01)
        for item in list(self.members):
            item.process.kill()
            self._bury(item)
