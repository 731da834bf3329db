"""The file system under ``.mlops``: room, kind, and whether sync, rename and locks really work there."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from mlops.doctor.finding import Finding, fail, ok, warn
from mlops.durable import sync_folder, try_lock, write_atomic
from mlops.errors import MlopsError
from mlops.project import Project
from mlops.text import size

__all__ = ["examine_disk", "file_system_of"]

_TOPIC = "disk"
_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "davfs"}
)
_LOST_AT_RESTART = frozenset({"tmpfs", "ramfs"})
_LITTLE, _TOO_LITTLE = 5 * 2**30, 2**29
_FEW_FILES = 10_000

_LOCK_OF_ANOTHER = (
    "import sys; from pathlib import Path; from mlops.durable import is_locked; sys.exit(is_locked(Path(sys.argv[1])))"
)
"""Ends with 1 when it finds the lock held."""


def examine_disk(project: Project) -> Iterator[Finding]:
    """Look at the file system, and try out on it what the store relies on."""
    place = project.state if project.state.is_dir() else project.root
    if not os.access(place, os.W_OK | os.X_OK):
        yield fail(_TOPIC, "the project's folder cannot be written", where=str(place), fix=f"chown or chmod {place}")
        return
    yield from _room(place)
    yield from _kind(place)
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as folder:
        yield from _tried(Path(folder))


def _room(place: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(place).free
    fix = "mlops gc --yes frees what no run refers to; or move the project to a larger disk"
    if free < _TOO_LITTLE:
        yield fail(_TOPIC, f"only {size(free)} are free", where=str(place), fix=fix)
    elif free < _LITTLE:
        yield warn(_TOPIC, f"only {size(free)} are free", where=str(place), fix=fix)
    else:
        yield ok(_TOPIC, f"{size(free)} free", where=str(place))
    found = os.statvfs(place)
    if found.f_files and found.f_favail < _FEW_FILES:
        yield warn(_TOPIC, f"room for {found.f_favail:,} more files only", where=str(place), fix=fix)


def _kind(place: Path) -> Iterator[Finding]:
    kind = file_system_of(place)
    if kind in _NETWORK or kind.startswith("fuse."):
        yield warn(
            _TOPIC,
            f"{kind} is a network file system: SQLite's write-ahead log and locks are not safe there",
            where=str(place),
            fix="keep the project on a local disk, and share results by a tracker and a remote for data",
        )
    elif kind in _LOST_AT_RESTART:
        yield warn(_TOPIC, f"{kind} is lost at a restart", where=str(place), fix="move the project to a disk")
    elif kind:
        yield ok(_TOPIC, f"file system {kind}")


def file_system_of(place: Path, *, mounts: Path = _MOUNTS) -> str:
    """Name the kind of file system that a folder lies on; empty where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    where, best, kind = place.resolve(), -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode().decode("unicode_escape"))
        depth = len(point.parts)
        if where.is_relative_to(point) and depth >= best:
            best, kind = depth, after.split()[0]
    return kind


def _tried(folder: Path) -> Iterator[Finding]:
    """Do once, in a folder that goes away, what every commit does."""
    fix = "keep the project on a local file system"
    try:
        write_atomic(folder / "file", b"one")
        (folder / "made").mkdir()
        (folder / "made").rename(folder / "renamed")
        sync_folder(folder)
    except (OSError, MlopsError) as exc:
        yield fail(_TOPIC, f"writing, syncing or renaming fails: {exc}", where=str(folder.parent), fix=fix)
        return
    locks = _locks(folder / "lock")
    if locks:
        yield fail(_TOPIC, locks, where=str(folder.parent), fix=fix)
    wal = _write_ahead(folder / "try.db")
    if wal:
        yield fail(_TOPIC, f"SQLite's write-ahead log does not work: {wal}", where=str(folder.parent), fix=fix)
    if not locks and not wal:
        yield ok(_TOPIC, "sync, rename, locks and SQLite's write-ahead log work")


def _locks(path: Path) -> str:
    """Hold a lock and have another process look; say what is wrong."""
    try:
        held = try_lock(path)
    except MlopsError as exc:
        return exc.what
    if held is None:
        return "a new lock is held already"
    with held:
        look = subprocess.run([sys.executable, "-c", _LOCK_OF_ANOTHER, str(path)], timeout=60, check=False)  # noqa: S603
    return "" if look.returncode == 1 else "a lock that one process holds is not seen by another"


def _write_ahead(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path)) as database:
            (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
            database.execute("CREATE TABLE tried (number INTEGER)")
            database.commit()
    except sqlite3.Error as exc:
        return str(exc)
    return "" if mode == "wal" else f"SQLite chose {mode}"
