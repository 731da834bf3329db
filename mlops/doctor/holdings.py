"""The health of what a project holds: artifacts, entries, runs, pins, audit log, databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from mlops.doctor.finding import Finding, fail, ok, warn
from mlops.errors import ArtifactDamaged, MlopsError
from mlops.project import Project
from mlops.run_history import list_runs
from mlops.services.audit import AuditLog
from mlops.services.pins import pinned
from mlops.store import Store
from mlops.store.index import read_entry
from mlops.store.manifest import MANIFEST, Manifest, survey
from mlops.store.workspaces import Workspaces
from mlops.text import size

__all__ = ["examine_store"]

_TOPIC = "store"
_AGAIN = "run the recipe again: the stage that made it is repeated"
_MOST = 5


def examine_store(project: Project, *, deep: bool) -> Iterator[Finding]:
    """Look through the store; with ``deep`` every byte is hashed again."""
    store = Store(project.state / "store")
    if not store.root.is_dir():
        yield from list(_records(project)) or [ok(_TOPIC, "nothing was run here yet", where=str(project.state))]
        return
    artifacts = sorted(path for path in store.layout.artifacts.glob("*/*") if path.is_dir())
    damaged = dict(_damaged(store, artifacts, deep=deep))
    yield from _named(damaged, store, total=len(artifacts), deep=deep)
    yield from _entries(store, {path.name for path in artifacts})
    yield from _leftovers(store)
    yield from _runs(project)
    yield from _records(project)
    yield from _databases(project) if deep else ()


def _damaged(store: Store, artifacts: list[Path], *, deep: bool) -> Iterator[tuple[str, str]]:
    for folder in artifacts:
        what = _rehashed(store, folder) if deep else _glanced(folder)
        if what:
            yield folder.name, what


def _rehashed(store: Store, folder: Path) -> str:
    try:
        store.check(folder.name, full=True)
    except ArtifactDamaged as exc:
        return exc.what
    return ""


def _glanced(folder: Path) -> str:
    """Compare names and sizes with the manifest; no file but that is read."""
    try:
        files = Manifest.from_bytes((folder / MANIFEST).read_bytes()).files
        sizes = {name: look.size for name, look in survey(folder).items() if name != MANIFEST}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return f"artifact {folder.name[:12]} has no readable manifest ({type(exc).__name__})"
    if sizes != {name: fact.size for name, fact in files.items()}:
        return f"artifact {folder.name[:12]} is damaged: its files are not those of its manifest"
    return ""


def _named(damaged: dict[str, str], store: Store, *, total: int, deep: bool) -> Iterator[Finding]:
    for digest, what in list(damaged.items())[:_MOST]:
        yield fail(_TOPIC, what, where=str(store.path(digest)), fix=_AGAIN)
    if len(damaged) > _MOST:
        yield fail(_TOPIC, f"{len(damaged) - _MOST} more artifacts are damaged", where=str(store.root), fix=_AGAIN)
    if not damaged:
        how = "hashed again, all whole" if deep else "none damaged by name or size (--deep hashes them)"
        yield ok(_TOPIC, f"{total:,} artifacts: {how}", where=str(store.root))


def _entries(store: Store, present: set[str]) -> Iterator[Finding]:
    torn = dangling = 0
    for path in store.layout.index.glob("*/*.json"):
        try:
            entry = read_entry(path)
        except (OSError, ValueError, RecursionError):
            torn += 1
            continue
        dangling += any(ref.digest not in present for ref in entry.outputs)
    if torn or dangling:
        what = f"{torn} entries of finished stages cannot be read, {dangling} name artifacts that are gone"
        yield warn(
            _TOPIC, what, where=str(store.layout.index), fix="nothing is lost: those stages run again when asked"
        )


def _leftovers(store: Store) -> Iterator[Finding]:
    aside = list(store.layout.damaged.glob("*")) if store.layout.damaged.is_dir() else []
    if aside:
        what = f"{len(aside)} damaged things were set aside"
        yield warn(_TOPIC, what, where=str(store.layout.damaged), fix="look at the disk's health; mlops gc --yes")
    half = Workspaces(store.layout).dead()
    if half:
        count = sum(path.stat().st_size for folder in half for path in folder.rglob("*") if path.is_file())
        what = f"{len(half)} half-made folders of killed runs ({size(count)})"
        yield warn(_TOPIC, what, where=str(store.layout.workspaces), fix="the next run removes them, or mlops gc --yes")


def _runs(project: Project) -> Iterator[Finding]:
    runs = list_runs(project.state / "runs")
    counts = {status: sum(run.status == status for run in runs) for status in dict.fromkeys(run.status for run in runs)}
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    yield ok(_TOPIC, f"{len(runs)} runs{f': {told}' if told else ''}")
    for run in runs:
        facts = run.folder / "run.json"
        if run.status != "running" and not _is_json(facts):
            yield warn(_TOPIC, f"run {run.id} has no readable facts", where=str(facts), fix=f"mlops runs rm {run.id}")


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def _records(project: Project) -> Iterator[Finding]:
    """Verify the audit log's chain, and the pins of what is registered or deployed."""
    try:
        deeds = AuditLog(project.state).read()
        pins = pinned(project.state)
    except MlopsError as exc:
        yield fail(_TOPIC, exc.what, where=exc.where, fix=exc.fix)
        return
    if deeds:
        yield ok(_TOPIC, f"the audit log's {len(deeds)} lines follow one another")
    store = Store(project.state / "store")
    for digest, owner in pins.items():
        if not store.path(digest).is_dir():
            fix = f"run the recipe again, or take {owner} out of use"
            yield fail(_TOPIC, f"{owner} needs artifact {digest[:12]}, which is gone", where=str(store.root), fix=fix)


def _databases(project: Project) -> Iterator[Finding]:
    for path in sorted([*project.state.glob("*.db"), *project.state.glob("*/*.db")]):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
                (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as exc:
            said = str(exc)
        if said == "ok":
            yield ok(_TOPIC, f"{path.name} is whole", where=str(path))
        else:
            yield fail(_TOPIC, f"{path.name}: {said}", where=str(path), fix="put it back from a copy, or move it away")
