"""Work folders on the store's own file system, and the removal of those whose owners are dead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlops import durable
from mlops.store.layout import Layout

__all__ = ["Workspaces"]

_LOCK = ".lock"


@dataclass(frozen=True)
class Workspaces:
    """The work folders of a store: each lies beside a lock that its owner holds while it lives."""

    layout: Layout

    @contextmanager
    def open(self) -> Iterator[Path]:
        """Make a new empty folder for the length of the block."""
        folder = self.layout.workspaces / os.urandom(8).hex()
        lock = _lock_of(folder)
        # Locked before the folder is there, so that nobody can take a new folder for a dead one's.
        with durable.locked(lock):
            with durable.writing(folder, "make a work folder"):
                folder.mkdir()
            try:
                yield folder
            finally:
                _remove(folder)

    def dead(self) -> list[Path]:
        """List the folders, and locks without a folder, that no living process owns."""
        folders = {path.with_suffix("") if path.suffix == _LOCK else path for path in _listed(self.layout.workspaces)}
        return sorted(folder for folder in folders if not durable.is_locked(_lock_of(folder)))

    def sweep(self) -> None:
        """Remove what dead processes left."""
        for folder in self.dead():
            lock = durable.try_lock(_lock_of(folder))
            if lock is not None:
                with lock:
                    _remove(folder)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


def _remove(folder: Path) -> None:
    """Remove a folder and its lock; the lock is held."""
    durable.remove_tree(folder)
    with suppress(OSError):
        _lock_of(folder).unlink()


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
