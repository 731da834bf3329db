"""The process that replays a run with the code of another commit: a request comes in, its result goes out, as JSON."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.project import Project
from mlops.reproduction.model import Request
from mlops.reproduction.reproducing import Trees, reproduce_in
from mlops.run_history import load_run

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Answer one request."""
    asked: dict[str, Any] = json.loads(sys.stdin.read())
    _die_with(int(asked["parent"]))
    origin = Project(Path(asked["origin"]))
    trees = Trees(origin, Path(asked["root"]), Path(asked["fresh"]), asked["commit"])
    request = Request(asked["run"], strict=asked["strict"], at_commit=True)
    try:
        run = load_run(origin.state / "runs", request.run)
        answer = reproduce_in(trees, run, request, out=sys.stderr).to_json()
    except MlopsError as exc:
        what = str(exc) if not exc.where and not exc.fix else exc.what
        answer = {"refused": {"what": what, "where": exc.where, "fix": exc.fix}}
    sys.stdout.write(json.dumps(answer, default=str))
    return 0


def _die_with(parent: int) -> None:
    """Ask the kernel to end this process with its parent, which may have ended before it was asked."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
