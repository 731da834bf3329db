"""What a search has found so far: a file that only grows, one line for each finished trial."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.durable import make_folder, sync_folder, write_atomic, writing
from mlops.services.searcher import Trial

__all__ = ["Found", "Journal"]

_MODE = 0o666


@dataclass(frozen=True)
class Found:
    """What a journal holds."""

    trials: tuple[Trial, ...] = ()
    """By number."""

    spent: float = 0.0
    """Seconds that the search has taken in all, as far as they were written down."""

    closed: Mapping[str, Any] | None = None
    """With which settings it was last found to be finished."""

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """The trials that were done, the best first; of equals the earlier one."""
        done = [trial for trial in self.trials if trial.status == "done" and trial.score is not None]
        return tuple(sorted(done, key=lambda trial: (trial.score, trial.number)))

    @property
    def is_hopeless(self) -> bool:
        """Whether every trial failed."""
        return bool(self.trials) and all(trial.status == "failed" for trial in self.trials)


@dataclass(frozen=True)
class Journal:
    """The folder of one search. Whoever writes holds its lock."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by the one who searches."""
        return self.folder / "lock"

    @property
    def path(self) -> Path:
        """One JSON object a line."""
        return self.folder / "trials.jsonl"

    def read(self) -> Found:
        """Read what is there; a line that a kill cut short counts as not written."""
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except OSError:
            return Found()
        trials: dict[int, Trial] = {}
        spent, closed = 0.0, None
        for line in lines:
            entry = _parsed(line)
            spent = max(spent, float(entry.get("spent", 0.0)))
            if "trial" in entry:
                trial = Trial.from_json(entry["trial"])
                trials.setdefault(trial.number, trial)
            closed = entry.get("closed", closed)
        return Found(tuple(trials[number] for number in sorted(trials)), spent, closed)

    def begin(self, about: Mapping[str, Any]) -> None:
        """Make the folder, say what is searched, and cut off what a kill left half written."""
        make_folder(self.folder)
        if not (self.folder / "search.json").exists():
            write_atomic(self.folder / "search.json", json.dumps(about, indent=1, ensure_ascii=False).encode() + b"\n")
        with writing(self.path, "open the journal of the search"):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
            try:
                whole = self.path.read_bytes().rfind(b"\n") + 1
                os.ftruncate(descriptor, whole)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder(self.folder)

    def tell(self, trial: Trial, *, spent: float) -> None:
        """Keep a finished trial."""
        self._append({"trial": trial.to_json(), "spent": round(spent, 3)})

    def close(self, settings: Mapping[str, Any], *, spent: float) -> None:
        """Say that nothing is left to do under these settings."""
        self._append({"closed": dict(settings), "spent": round(spent, 3)})

    def start_over(self) -> None:
        """Set a hopeless journal aside."""
        with writing(self.path, "set the journal of the search aside"):
            self.path.replace(self.path.with_name("failed.jsonl"))
            sync_folder(self.folder)

    def _append(self, entry: Mapping[str, Any]) -> None:
        data = json.dumps(entry, ensure_ascii=False, default=str).encode() + b"\n"
        with writing(self.path, "append to the journal of the search", need=len(data)):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
