"""What is known of one run, read from its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlops.durable import is_locked

__all__ = ["EVENTS_FILE", "FACTS_FILE", "LOCK_FILE", "STATUSES", "Run", "read_events", "read_run"]

_RUNNING = "running"
"""Never stored: a run is running while somebody holds its lock."""

_INTERRUPTED = "interrupted"
STATUSES = (_RUNNING, "done", "failed", _INTERRUPTED)

LOCK_FILE = "lock"
FACTS_FILE = "run.json"
EVENTS_FILE = "events.jsonl"


@dataclass(frozen=True)
class Run:
    """What happened in one run, as far as it is known."""

    id: str
    folder: Path
    status: str
    recipe: str = ""
    overrides: tuple[str, ...] = ()
    started: str = ""
    ended: str = ""
    seed: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Mapping[str, Any], ...] = ()
    """Finished stages in order: stage, action, seconds, peak_memory, key, made_by, outputs, metrics, ingredients."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    planned: tuple[Mapping[str, Any], ...] = ()
    """Steps that an unfinished run set out to do."""

    parent: str = ""
    """What the run is a part of: the ID of a search's run, or of a sweep; empty when it stands alone."""

    def as_json(self) -> dict[str, Any]:
        """Give the facts as they stand in run.json, with the status of this moment."""
        return {
            "id": self.id,
            "recipe": self.recipe,
            "parent": self.parent,
            "overrides": list(self.overrides),
            "started": self.started,
            "ended": self.ended or None,
            "status": self.status,
            "seed": self.seed,
            "environment": dict(self.environment),
            "steps": [dict(step) for step in self.steps],
            "metrics": dict(self.metrics),
            "error": self.error,
        }


def read_run(folder: Path) -> Run:
    """Read one run; the lock is looked at before the facts are read again, as the end is written before it is freed."""
    facts = _facts(folder)
    if not facts.get("ended"):
        if is_locked(folder / LOCK_FILE):
            return replace(_unfinished(folder, facts, status=_RUNNING), status=_RUNNING, ended="")
        facts = _facts(folder)
    if not facts.get("ended"):
        return _unfinished(folder, facts, status=_INTERRUPTED)
    return _made(folder, facts, {"steps": facts.get("steps", []), "status": facts.get("status", _INTERRUPTED)})


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a run's events in order; a line that a kill cut short is left out."""
    try:
        lines = (folder / EVENTS_FILE).read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _unfinished(folder: Path, facts: Mapping[str, Any], *, status: str) -> Run:
    """Put together from its events what a run that has no end did."""
    events = list(read_events(folder))
    steps = [_step(event) for event in events if event.get("event") == "stage-finished"]
    planned = [step for event in events if event.get("event") == "planned" for step in event.get("steps", [])]
    noted = {key: value for event in events if event.get("event") == "noted" for key, value in _step(event).items()}
    metrics = {
        f"{step.get('stage')}.{name}": value for step in steps for name, value in step.get("metrics", {}).items()
    }
    known = {"status": status, "steps": steps, "metrics": metrics, "planned": planned}
    return _made(folder, {**facts, **noted}, known | _end_of(events))


def _end_of(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Take the end from the events; a kill can fall between it and the last writing of run.json."""
    ends = [event for event in events if event.get("event") == "end"]
    return {"ended": ends[0].get("time"), **_step(ends[0])} if ends else {}


def _step(event: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in {"event", "time"}}


def _made(folder: Path, facts: Mapping[str, Any], more: Mapping[str, Any]) -> Run:
    known = {**facts, **more}
    return Run(
        id=folder.name,
        folder=folder,
        status=known["status"],
        recipe=known.get("recipe", ""),
        overrides=tuple(known.get("overrides", ())),
        started=known.get("started", ""),
        ended=known.get("ended") or "",
        seed=known.get("seed"),
        environment=known.get("environment", {}),
        steps=tuple(known["steps"]),
        metrics=known.get("metrics", {}),
        error=known.get("error", ""),
        planned=tuple(known.get("planned", ())),
        parent=known.get("parent") or "",
    )


def _facts(folder: Path) -> dict[str, Any]:
    """Read run.json; a run that died before it was written, or whose file was damaged, has none."""
    try:
        facts = json.loads((folder / FACTS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
