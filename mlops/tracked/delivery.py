"""One run's batches to its tracker: what is new, under a lock of the run's own, acknowledged one by one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mlops.durable import is_locked, locked
from mlops.errors import MlopsError, StoreError
from mlops.project import Project
from mlops.run_reading import EVENTS_FILE, FACTS_FILE, LOCK_FILE, Run, read_run
from mlops.services.tracker import Batch, RunForgotten, TrackerUnreachable
from mlops.tracked.acknowledgement import Acknowledgement, acknowledged
from mlops.tracked.attachments import attachments
from mlops.tracked.spool import Portion, milliseconds, portion
from mlops.tracked.subject import Subject, subject
from mlops.tracked.wording import explained

__all__ = ["Delivery", "deliver"]

_PAGE_COMES = 2.0
"""Seconds after its end within which a run still writes its page."""

State = Literal["going", "complete", "none", "failed", "unreachable", "refused"]


@dataclass(frozen=True)
class Delivery:
    """What came of an attempt to tell a tracker of a run."""

    state: State
    """Going: the run goes on, and all there is was sent. None: the run has no tracker. Refused: a person must act."""

    trouble: str = ""
    fix: str = ""
    destination: str = ""
    retry: float = 0.0
    """Seconds for which the tracker may be tried again."""


def deliver(project: Project, folder: Path, *, known: Subject | None = None) -> Delivery:
    """Send what is new of a run, and its end when it has ended; never raises for what a tracker does.

    Args:
        project: whose run it is.
        folder: the run's.
        known: its tracker, when that was read before.
    """
    whom = known
    if not (folder / FACTS_FILE).is_file():
        return Delivery("none")
    try:
        whom = whom or subject(project, folder)
        if whom is None:
            return Delivery("none")
        with locked(folder / "tracking.lock"):
            return _delivered(project, folder, whom)
    except Exception as exc:  # noqa: BLE001 - a tracker may raise anything, and no run fails by it
        return _noted(folder, exc, whom)


def _delivered(project: Project, folder: Path, whom: Subject) -> Delivery:
    taken = acknowledged(folder)
    if taken.destination != whom.destination:
        taken = Acknowledgement(destination=whom.destination)
    try:
        taken = _sent(project, folder, whom, taken=taken)
    except RunForgotten:
        taken = _sent(project, folder, whom, taken=Acknowledgement(destination=whom.destination))
    return Delivery("complete" if taken.complete else "going", destination=whom.destination)


def _sent(project: Project, folder: Path, whom: Subject, *, taken: Acknowledgement) -> Acknowledgement:
    """Send portion after portion until there is nothing more for now."""
    ended = None if taken.complete else _ended(folder)
    described = whom.now(ended) if ended else whom.seen
    while not taken.complete:
        part = portion(folder, offset=taken.offset, steps=taken.steps)
        last = part.at_end and ended is not None
        if part.measurements or last or not taken.begun:
            batch = Batch(part.measurements, first=not taken.begun)
            if last and ended is not None:
                batch = _ending(project, ended, batch, bundle=whom.tracker.bundle)
            whom.tracker.send(described, batch, whom.place)
            where = taken.where or whom.mask(whom.tracker.where(described, whom.place))
            taken = _taken(taken, part, last=last, where=where)
            taken.write(folder)
        else:
            taken = replace(taken, offset=part.offset)
        if part.at_end:
            break
    return taken


def _taken(before: Acknowledgement, part: Portion, *, last: bool, where: str) -> Acknowledgement:
    return Acknowledgement(
        destination=before.destination,
        begun=True,
        offset=part.offset,
        steps=part.steps,
        complete=last,
        where=where,
    )


def _ended(folder: Path) -> Run | None:
    """Read a run that has ended, its page included; a killed one and a trial have no page to wait for."""
    if is_locked(folder / LOCK_FILE):
        return None
    run = read_run(folder)
    is_trial = run.parent and not run.parent.startswith("sweep-")
    if run.ended and not is_trial and not (folder / "report.html").exists():
        since = time.time() - (folder / FACTS_FILE).stat().st_mtime
        return run if since > _PAGE_COMES else None
    return run


def _ending(project: Project, run: Run, batch: Batch, *, bundle: bool) -> Batch:
    ended = milliseconds(run.ended) or round((run.folder / EVENTS_FILE).stat().st_mtime * 1000)
    return replace(batch, status=run.status, ended=ended, artifacts=attachments(project, run, bundle=bundle))


def _noted(folder: Path, exc: Exception, whom: Subject | None) -> Delivery:
    """Keep the trouble beside what was acknowledged, for those who look."""
    trouble, fix = explained(exc, whom.mask if whom else str)
    try:
        replace(acknowledged(folder), trouble=trouble, fix=fix).write(folder)
    except Exception as inner:  # noqa: BLE001 - a full disk is one more trouble, and no more than that
        trouble = f"{trouble}; {inner}"
    retry = whom.tracker.retry if whom else 0.0
    return Delivery(_state(exc), trouble, fix, whom.destination if whom else "", retry)


def _state(exc: Exception) -> State:
    if isinstance(exc, TrackerUnreachable):
        return "unreachable"
    return "refused" if isinstance(exc, MlopsError) and not isinstance(exc, StoreError) else "failed"
