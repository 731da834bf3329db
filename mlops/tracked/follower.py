"""The process that follows all runs of a project which have a tracker: one at a time, and it ends by itself.

python -m mlops.tracked.follower PROJECT
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlops.durable import Lock, is_locked, make_folder, try_lock
from mlops.errors import MlopsError
from mlops.project import Project
from mlops.run_reading import EVENTS_FILE, FACTS_FILE, LOCK_FILE
from mlops.tracked.acknowledgement import acknowledged
from mlops.tracked.delivery import Delivery, deliver
from mlops.tracked.subject import Subject, has_tracker, subject_or_none

__all__ = ["Follower", "is_followed", "main", "open_runs"]

_TICK = 0.1
"""Seconds between looks at files."""

_GATHER = 1.0
"""Seconds over which the metrics of a run that goes on are gathered into one batch."""

_LINGER = 3.0
"""Seconds without work after which the follower ends: the next job of a sweep comes sooner than that."""

_CLOCK_STEP = 1_000_000_000
"""Nanoseconds within which a folder may change again without another date."""

_UNKNOWN = -1

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0
"""Seconds before a tracker that did not answer is tried again: doubled each time, up to the longest."""


def is_followed(project: Project) -> bool:
    """Tell whether a follower is at work."""
    return is_locked(_lock(project))


def open_runs(project: Project) -> Iterator[Path]:
    """Give the folders of runs of which a tracker lacks something, the oldest first."""
    for folder in _folders(project):
        if not acknowledged(folder).complete and has_tracker(folder):
            yield folder


def main() -> int:
    """Follow the runs of the project in the first argument until there is nothing to do."""
    os.nice(10)  # training goes first
    project = Project(Path(sys.argv[1]))
    make_folder(_lock(project).parent)
    follower = Follower(project)
    while (lock := try_lock(_lock(project))) is not None:
        with lock:
            _tell_pid(lock)
            follower.work()
        if not follower.discover():
            return 0
    return 0


def _lock(project: Project) -> Path:
    return project.state / "tracking" / "follower.lock"


def _tell_pid(lock: Lock) -> None:
    """Write into the lock file who holds it, for people who look."""
    os.ftruncate(lock.descriptor, 0)
    os.pwrite(lock.descriptor, f"{os.getpid()}\n".encode(), 0)


def _folders(project: Project) -> list[Path]:
    try:
        with os.scandir(project.state / "runs") as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError:
        return []
    return [project.state / "runs" / name for name in names]


@dataclass
class _Watched:
    """A run of which the tracker lacks something."""

    folder: Path
    known: Subject | None = None
    size: int = -1
    """Bytes of events at the last look."""

    due: float = 0.0
    """When to look again, on the monotonic clock."""

    tries: int = 0
    running: bool = True


@dataclass
class _Trouble:
    """A tracker that does not answer."""

    until: float
    tries: int = 1


@dataclass
class Follower:
    """Looks at runs again and again, and delivers what is new."""

    project: Project
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _listed: int = _UNKNOWN
    _troubles: dict[str, _Trouble] = field(default_factory=dict)
    _retry: float = 0.0
    _busy: float = field(default_factory=time.monotonic)
    """When there last was something to do."""

    def work(self) -> None:
        """Follow until nothing is left, or what is left has failed for as long as it may be tried."""
        self._busy = time.monotonic()
        while not self._is_idle():
            self.round()

    def round(self) -> None:
        """Look at every run once."""
        self.discover()
        for watched in list(self._watched.values()):
            self._look(watched)
        time.sleep(_TICK)

    def discover(self) -> bool:
        """Take up runs that were not seen before; say whether there were any."""
        changed = self._changed()
        if changed == self._listed:
            return False
        found = half_made = False
        for folder in _folders(self.project):
            if folder.name in self._seen:
                continue
            if not (folder / FACTS_FILE).is_file():
                half_made = True
                continue
            self._seen.add(folder.name)
            if not acknowledged(folder).complete and has_tracker(folder):
                self._watched[folder.name] = _Watched(folder)
                found = True
        is_settled = time.time_ns() - changed > _CLOCK_STEP and not half_made
        self._listed = changed if is_settled else _UNKNOWN
        return found

    def _changed(self) -> int:
        """Say when a run was last made or removed."""
        try:
            return (self.project.state / "runs").stat().st_mtime_ns
        except OSError:
            return 0

    def _is_idle(self) -> bool:
        """Tell whether enough time has passed without a run that goes on and without progress."""
        if any(watched.running for watched in self._watched.values()):
            return False
        rest = max(_LINGER, self._retry) if self._watched else _LINGER
        return time.monotonic() - self._busy > rest

    def _look(self, watched: _Watched) -> None:
        """Deliver one run if it has something new and its tracker may be asked."""
        now = time.monotonic()
        was_running, watched.running = watched.running, is_locked(watched.folder / LOCK_FILE)
        if watched.running or was_running:
            self._busy = now
        if watched.due > now and not (was_running and not watched.running):
            return
        size = _size(watched.folder / EVENTS_FILE)
        if watched.running and size == watched.size:
            return
        if watched.known is None:
            watched.known = subject_or_none(self.project, watched.folder)
        trouble = self._troubles.get(watched.known.destination) if watched.known else None
        if trouble is None or trouble.until <= now:
            watched.size = size
            self._note(watched, deliver(self.project, watched.folder, known=watched.known))

    def _note(self, watched: _Watched, done: Delivery) -> None:
        """Remember what came of a delivery, and when the next may be tried."""
        now = time.monotonic()
        if done.state in {"complete", "none", "refused"}:
            del self._watched[watched.folder.name]
        if done.state in {"complete", "going"}:
            self._troubles.pop(done.destination, None)
            watched.tries = 0
            watched.due = now + (_GATHER if watched.running else _TICK)
            self._busy = now
            return
        watched.size = -1
        watched.tries += 1
        watched.due = now + _wait(watched.tries)
        self._retry = max(self._retry, done.retry)
        if done.state == "unreachable":
            before = self._troubles.get(done.destination)
            tries = before.tries + 1 if before else 1
            self._troubles[done.destination] = _Trouble(now + _wait(tries), tries)


def _wait(tries: int) -> float:
    return float(min(_FIRST_WAIT * 2 ** (tries - 1), _LONGEST_WAIT))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MlopsError as error:
        sys.exit(f"error: {error}")
