"""The record of a run while it runs: its folder, its lock, its events, and the facts at start and end."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from mlops.durable import Lock, make_folder, remove_tree, sync_folder, try_lock, write_atomic, writing
from mlops.errors import MlopsError, StoreError
from mlops.run_history import list_runs, load_run, referenced_digests, remove_run
from mlops.run_reading import EVENTS_FILE, FACTS_FILE, LOCK_FILE, Run, read_events

__all__ = [
    "Run",
    "RunFacts",
    "RunRecord",
    "list_runs",
    "load_run",
    "new_id",
    "read_events",
    "referenced_digests",
    "remove_run",
]

_DURABLE = frozenset({"stage-finished", "end"})
"""Events that must outlive a power cut; any event outlives the process."""

_MODE = 0o666


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run before it starts."""

    recipe: str
    document: str = ""
    """The resolved recipe as YAML, secrets as references."""

    overrides: tuple[str, ...] = ()
    seed: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    """What the run is a part of: the ID of a search's run, or of a sweep."""


class RunRecord:
    """One run's folder, held by its lock from `open` to the end of the ``with`` block.

    Nothing says that the run is running but the lock: when the process dies, the kernel frees it
    and the next reader finds an interrupted run. Methods may be called from several threads.
    """

    def __init__(self, folder: Path, *, lock: Lock, facts: RunFacts, mask: Callable[[str], str]) -> None:
        self.id = folder.name
        self.folder = folder
        self._lock = lock
        self._mask = mask
        self._turn = threading.Lock()
        self._steps: list[dict[str, Any]] = []
        self._ended = False
        self._facts: dict[str, Any] = {
            "id": self.id,
            "recipe": facts.recipe,
            "parent": facts.parent,
            "overrides": list(facts.overrides),
            "started": _now(),
            "ended": None,
            "status": None,
            "seed": facts.seed,
            "environment": dict(facts.environment),
            "steps": [],
            "metrics": {},
            "error": "",
        }
        self._events = _appendable(folder / EVENTS_FILE)
        self._log = _appendable(folder / "log.txt")

    @classmethod
    def open(cls, runs_dir: Path, facts: RunFacts, *, mask: Callable[[str], str] = str) -> Self:
        """Make a run's folder, take its lock and write what is known so far.

        Args:
            runs_dir: Folder of all runs; made when missing.
            facts: Recipe, overrides, seed, environment.
            mask: Hides secrets; every text goes through it on its way to the disk.
        """
        folder = _new_folder(runs_dir)
        lock = try_lock(folder / LOCK_FILE)
        if lock is None:
            raise StoreError("somebody else holds the lock of a new run", where=str(folder), fix="run it again")
        try:
            record = cls(folder, lock=lock, facts=facts, mask=mask)
            if facts.document:
                write_atomic(folder / "recipe.yaml", mask(facts.document).encode())
            record._write_facts()
        except BaseException:
            lock.close()
            remove_tree(folder)
            raise
        return record

    def event(self, kind: str, **facts: Any) -> None:
        """Append what happened; once this returns, no kill takes it back.

        ``stage-finished`` carries a step's facts (stage, action, seconds, peak_memory, key, made_by,
        outputs, metrics, ingredients) and makes it part of the record; ``planned`` carries the
        ``steps`` that the run sets out to do, so that what it will reuse is not cleared away.
        """
        clean = self._masked(facts)
        line = json.dumps({"event": kind, "time": _now(), **clean}, ensure_ascii=False, default=str)
        with self._turn:
            self._append(self._events, line + "\n", durable=kind in _DURABLE)
            if kind == "stage-finished":
                self._steps.append(clean)

    def note(self, **facts: Any) -> None:
        """Add to the facts of the run, such as the environment once it is gathered."""
        self.event("noted", **facts)
        self._facts |= self._masked(facts)

    def log(self, text: str) -> None:
        """Append lines to log.txt."""
        with self._turn:
            self._append(self._log, self._mask(text.rstrip("\n")) + "\n", durable=False)

    def finish(
        self,
        status: Literal["done", "failed", "interrupted"],
        *,
        metrics: Mapping[str, float] | None = None,
        error: str = "",
    ) -> None:
        """Write the end of the run; the first call counts.

        Args:
            status: How it ended.
            metrics: The run's own metrics; those of its steps as ``stage.metric`` when not given.
            error: What a person should know of a run that was not done.
        """
        if self._ended:
            return
        own = _of_steps(self._steps) if metrics is None else dict(metrics)
        self.event("end", status=status, error=error, metrics=own)
        self._facts |= {"status": status, "ended": _now(), "steps": self._steps, "metrics": own, "error": error}
        self._write_facts()
        self._ended = True

    def close(self) -> None:
        """Free the lock; a run without an end is interrupted from then on."""
        for descriptor in (self._events, self._log):
            os.close(descriptor)
        self._events = self._log = -1
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                # A disk that is full is no reason to hide why the run failed.
                with suppress(MlopsError):
                    self.finish(_status_of(error), error=str(error) or type(error).__name__)
        finally:
            self.close()

    def _write_facts(self) -> None:
        text = json.dumps(self._masked(self._facts), ensure_ascii=False, indent=1, default=str)
        write_atomic(self.folder / FACTS_FILE, text.encode() + b"\n")

    def _append(self, descriptor: int, text: str, *, durable: bool) -> None:
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        with writing(self.folder, "append to the run's record", need=len(rest)):
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if durable:
                os.fsync(descriptor)

    def _masked(self, value: Any) -> Any:
        """Mask every text, keys included, before its quotes are escaped; numbers that JSON lacks become text."""
        if isinstance(value, str):
            return self._mask(value)
        if isinstance(value, Mapping):
            return {self._mask(str(key)): self._masked(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._masked(item) for item in value]
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def new_id() -> str:
    """Make an ID that sorts by time (UTC, to the millisecond); four random digits keep equal times apart."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{os.urandom(2).hex()}"


def _new_folder(runs_dir: Path) -> Path:
    """Make a folder that nobody else has; an ID that is taken is drawn again."""
    make_folder(runs_dir)
    with writing(runs_dir, "make the run's folder"):
        while True:
            folder = runs_dir / new_id()
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            sync_folder(runs_dir)
            return folder


def _appendable(path: Path) -> int:
    with writing(path, "open the run's record"):
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _of_steps(steps: list[dict[str, Any]]) -> dict[str, float]:
    return {
        f"{step.get('stage')}.{name}": value for step in steps for name, value in (step.get("metrics") or {}).items()
    }


def _status_of(error: BaseException) -> Literal["failed", "interrupted"]:
    stopped = isinstance(error, (KeyboardInterrupt, SystemExit))
    return "interrupted" if stopped else "failed"
