"""A run's own side of tracking: it starts the follower, and says at its end how far that is. It never fails by it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from mlops.durable import make_folder
from mlops.project import Project
from mlops.services.tracker import Tracker
from mlops.tracked.acknowledgement import Acknowledgement, acknowledged
from mlops.tracked.follower import is_followed
from mlops.tracking import StepResult

__all__ = ["SWITCHED_OFF", "Following", "inherited", "start_follower"]

SWITCHED_OFF = "MLOPS_NO_TRACKING"
"""Environment variable that keeps runs from starting a follower; they are sent by ``mlops runs sync`` all the same."""

_LARGEST_LOG = 1 << 20
_TICK = 0.05


class Following:
    """Watches one run: the follower is started by the first stage that works, so that a reused run costs nothing."""

    def __init__(self, project: Project, folder: Path, section: Mapping[str, Any] | None) -> None:
        """Take what is needed.

        Args:
            project: whose run it is.
            folder: the run's, already there.
            section: the recipe's ``tracker``, if it has one.
        """
        self._project = project
        self._folder = folder
        self._is_tracked = bool(section and section.get("_target_")) and os.environ.get(SWITCHED_OFF, "") in ("", "0")
        self._worked = False
        self._patience = _patience(section or {})

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        """See that somebody follows."""
        del stage, reasons
        self._worked = True
        self._see_to_it()

    def step_waits(self, stage: str) -> None:
        """Leave it to the record."""

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Leave it out."""

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        """Leave it to the record."""

    def step_finished(self, result: StepResult) -> None:
        """Leave it to the record."""

    def settle(self, out: TextIO, *, wait: bool = True) -> None:
        """Say how far the follower is, once the run has ended and is written down.

        Args:
            out: where a person reads.
            wait: give the follower its time; not for a run that was asked to end.
        """
        if not (self._is_tracked and self._worked):
            return
        self._see_to_it()
        with suppress(KeyboardInterrupt):
            self._wait(self._patience if wait else 0.0)
        _say(acknowledged(self._folder), out)

    def _see_to_it(self) -> None:
        """Start a follower unless there is one."""
        if not self._is_tracked:
            return
        with suppress(Exception):  # a run does not fail by what follows it; what is left is sent later
            if not is_followed(self._project):
                start_follower(self._project)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            known = acknowledged(self._folder)
            if known.complete or known.trouble:
                return
            time.sleep(_TICK)


def _patience(section: Mapping[str, Any]) -> float:
    given = section.get("patience", Tracker.model_fields["patience"].default)
    return float(given) if isinstance(given, int | float) else 0.0


def _say(known: Acknowledgement, out: TextIO) -> None:
    if known.complete:
        out.write(f"tracked  {known.where}\n")
    elif known.trouble:
        sys.stderr.write(f"warning: the tracker has not got this run: {known.trouble}\n")
        sys.stderr.write(f"  fix: {known.fix or 'mlops runs sync sends it once the tracker answers'}\n")
    else:
        out.write("tracked  sending goes on in the background\n")
    out.flush()


def inherited() -> dict[str, str]:
    """Environment of a process that finds the modules which this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}


def start_follower(project: Project) -> int:
    """Start a follower that outlives this process and ends by itself; two do no harm.

    Returns:
        Its process ID.
    """
    folder = project.state / "tracking"
    make_folder(folder)
    path = folder / "follower.log"
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.unlink()
    with path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "mlops.tracked.follower", str(project.root)],
            cwd=project.root,
            env=inherited(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # else it stays behind as a zombie of a long process
    return process.pid
