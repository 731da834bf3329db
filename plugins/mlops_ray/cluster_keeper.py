"""Keeps the processes of one Ray: when whoever started this goes away, however it ends, they end too.

It is the leader of a session of its own, which all of Ray's processes belong to. It reads its
standard input, whose other end only its starter holds; the end of that is the starter's end.

    python -m mlops_ray.cluster_keeper FOLDER COMMAND…
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from mlops.durable import locked

__all__ = ["ENDED", "KEPT", "LOG", "main"]

LOG = "start.log"
"""File below FOLDER: what the command says."""

KEPT = "kept"
"""File below FOLDER that is locked as long as the keeper lives."""

ENDED = "ended"
"""File below FOLDER that appears when the command has ended by itself."""

_POLL = 0.05
_PATIENCE = 4.0
"""Seconds within which everything is ended."""


def main() -> None:
    """Run a command until the starter goes away; then end all of the session and remove FOLDER."""
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person's Ctrl-C is the starter's to act on
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with (folder / LOG).open("wb") as log:
        ray = subprocess.Popen(  # noqa: S603 - what the starter asks for
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    threading.Thread(target=_wait_for_starter, args=(over,), daemon=True).start()
    with locked(folder / KEPT):
        while not over.wait(_POLL):
            if ray.poll() is not None:
                (folder / ENDED).touch()
                over.wait()
        _end_session()
        ray.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_starter(over: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    over.set()


def _end_session() -> None:
    """End every other process of this session; the ones that begin meanwhile too."""
    deadline = time.monotonic() + _PATIENCE
    while (others := _session()) and time.monotonic() < deadline:
        for pid in others:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL)


def _session() -> list[int]:
    """List the living processes of this session, itself left out."""
    own = os.getsid(0)
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == own and state != "Z" and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    main()
