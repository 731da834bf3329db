"""Find and remove what no run needs.

The order keeps every state in between whole: entries go first, so that none names an artifact
that is gone; an artifact leaves in one rename, into a work folder that the next clearing removes
if this one is killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops import durable
from mlops.errors import StoreError
from mlops.store.entry import Entry
from mlops.store.index import read_entry
from mlops.store.layout import Layout, is_digest
from mlops.store.workspaces import Workspaces

__all__ = ["Garbage", "More", "Piece", "collect"]

Kind = Literal["entry", "artifact", "workspace", "damaged", "hint", "leftover", "checkpoint", "search"]

_WHOLE: tuple[Kind, ...] = ("artifact", "damaged", "checkpoint", "search")
"""Kinds that are folders, and leave in one rename."""

_CHECKPOINT_DAYS = 14
"""A stage cut short longer ago than this will hardly be gone on with."""


@dataclass(frozen=True)
class Piece:
    """One thing that nobody needs."""

    kind: Kind
    path: Path
    size: int
    """Bytes of its files."""

    @property
    def name(self) -> str:
        """The digest, key or other name that it bears."""
        return self.path.stem


More = Callable[[], Iterable[Path]]
"""Lists what else nobody needs, outside the store and on its file system."""


@dataclass(frozen=True)
class Garbage:
    """What nobody needs, or needed until it was removed."""

    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(piece.size for piece in self.pieces)

    def of(self, kind: Kind) -> tuple[Piece, ...]:
        """Give the pieces of one kind."""
        return tuple(piece for piece in self.pieces if piece.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        pieces = [{"kind": piece.kind, "name": piece.name, "bytes": piece.size} for piece in self.pieces]
        return {"bytes": self.size, "pieces": pieces}


def collect(layout: Layout, roots: Iterable[str], *, dry_run: bool = True, searches: More = tuple) -> Garbage:
    """Find what is not needed for the artifacts whose digests are ``roots``; remove it unless ``dry_run``.

    Args:
        layout: where the store lies.
        roots: digests of what is needed.
        dry_run: leave everything.
        searches: lists folders of searches to be removed too; asked when no run is in progress.

    Raises:
        StoreError: A run is in progress, whose artifacts ``roots`` cannot know yet.
    """
    lock = durable.try_lock(layout.using)
    if lock is None:
        raise StoreError(
            "a run is in progress in this project; nothing was removed",
            where=str(layout.root),
            fix="repeat this when the run has ended",
        )
    with lock:
        more = tuple(Piece("search", path, _size(path)) for path in searches())
        garbage = Garbage((*_found(layout, frozenset(roots)), *more))
        if not dry_run:
            _remove(layout, garbage)
    return garbage


def _found(layout: Layout, roots: frozenset[str]) -> Iterator[Piece]:
    kept = {path.name for path in _sharded(layout.artifacts) if path.name in roots}
    for path in _sharded(layout.index):
        if path.suffix == ".json" and not _is_needed(path, kept):
            yield Piece("entry", path, _size(path))
    for path in _sharded(layout.artifacts):
        if is_digest(path.name) and path.name not in kept:
            yield Piece("artifact", path, _size(path))
    for path in _sharded(layout.verified):
        if path.suffix == ".json" and path.stem not in kept:
            yield Piece("hint", path, _size(path))
    for path in (*_sharded(layout.index), *_sharded(layout.verified), *_listed(layout.latest)):
        if path.suffix == durable.TEMPORARY:
            yield Piece("leftover", path, _size(path))
    yield from (Piece("workspace", path, _size(path)) for path in Workspaces(layout).dead())
    yield from (Piece("checkpoint", path, _size(path)) for path in _forgotten(layout))
    yield from (Piece("damaged", path, _size(path)) for path in _listed(layout.damaged))


def _forgotten(layout: Layout) -> list[Path]:
    """List what stages cut short left behind too long ago."""
    old = time.time() - _CHECKPOINT_DAYS * 86_400
    return [path for path in _listed(layout.checkpoints) if path.stat().st_mtime < old]


def _is_needed(path: Path, kept: set[str]) -> bool:
    try:
        entry: Entry = read_entry(path)
    except (OSError, ValueError, RecursionError):
        return False
    return all(ref.digest in kept for ref in entry.outputs)


def _remove(layout: Layout, garbage: Garbage) -> None:
    entries = garbage.of("entry")
    for piece in entries:
        _unlink(piece.path)
    for shard in sorted({piece.path.parent for piece in entries}):
        with durable.writing(shard, "make the removal of entries durable"):
            durable.sync_folder(shard)
    with Workspaces(layout).open() as bin_folder:
        for piece in (piece for kind in _WHOLE for piece in garbage.of(kind)):
            with durable.writing(piece.path, "move what is not needed out of the store"):
                piece.path.rename(bin_folder / piece.path.name)
    for piece in (*garbage.of("hint"), *garbage.of("leftover")):
        _unlink(piece.path)
    Workspaces(layout).sweep()
    _sweep_locks(layout)


def _unlink(path: Path) -> None:
    with durable.writing(path, "remove what is not needed"):
        path.unlink(missing_ok=True)


def _sweep_locks(layout: Layout) -> None:
    """Remove the locks of keys and artifacts that nobody holds; they would only add up."""
    for path in _sharded(layout.locks):
        lock = durable.try_lock(path)
        if lock is not None:
            with lock:
                _unlink(path)


def _sharded(folder: Path) -> list[Path]:
    """List what lies two levels down, in order."""
    return [path for shard in _listed(folder) if shard.is_dir() for path in _listed(shard)]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _size(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size if os.path.lexists(path) else 0
    return sum(Path(place, name).lstat().st_size for place, _, names in os.walk(path) for name in names)
