"""Folders that travel between machines: known by their content, sent in pieces, kept on the node that got them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlops.durable import make_folder, publish, remove_tree
from mlops.errors import StageError

__all__ = ["PIECE", "Item", "Parcel", "cached", "files_below", "packed", "pieces", "safe_path", "sources_below"]

PIECE = 16 * 2**20
"""Most bytes that travel at once."""


@dataclass(frozen=True)
class Item:
    """One file of a parcel."""

    name: str
    """Path below the folder, with '/'."""

    digest: str
    """SHA-256 of its bytes."""

    refs: tuple[Any, ...]
    """Where Ray keeps its pieces."""


@dataclass(frozen=True)
class Parcel:
    """One folder."""

    digest: str
    """SHA-256 of its files' names and digests."""

    items: tuple[Item, ...]


def files_below(folder: Path) -> list[Path]:
    """List the files of a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sources_below(folder: Path) -> list[Path]:
    """List the files of a folder of code, in order; hidden ones and what Python compiles are left out."""
    return [path for path in files_below(folder) if not _is_hidden(path.relative_to(folder))]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def pieces(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def packed(paths: Iterable[Path], base: Path, put: Callable[[bytes], Any]) -> Parcel:
    """Make a parcel of files.

    Args:
        paths: the files.
        base: they are named from here on.
        put: takes each piece, and gives what it can be fetched by.
    """
    items = tuple(_item(path, base, put) for path in paths)
    listing = "\n".join(f"{item.digest} {item.name}" for item in items)
    return Parcel(hashlib.sha256(listing.encode()).hexdigest(), items)


def _item(path: Path, base: Path, put: Callable[[bytes], Any]) -> Item:
    digest = hashlib.sha256()
    refs: list[Any] = []
    for piece in pieces(path):
        digest.update(piece)
        refs.append(put(piece))
    return Item(path.relative_to(base).as_posix(), digest.hexdigest(), tuple(refs))


def cached(parcel: Parcel, home: Path, get: Callable[[Any], bytes]) -> Path:
    """Unpack a parcel on this node, unless one of the same content is there already.

    Args:
        parcel: what is wanted.
        home: where this node keeps parcels.
        get: fetches a piece.

    Raises:
        StageError: a file did not arrive as it was sent.
    """
    place = home / parcel.digest
    if place.is_dir():
        return place
    make_folder(home)
    folder = home / f".{os.urandom(8).hex()}"
    try:
        folder.mkdir()
        for item in parcel.items:
            _unpack(item, folder, get)
        publish(folder, place)
    finally:
        remove_tree(folder)
    return place


def _unpack(item: Item, folder: Path, get: Callable[[Any], bytes]) -> None:
    path = safe_path(folder, item.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for ref in item.refs:
            piece = get(ref)
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != item.digest:
        raise StageError(f"{item.name} did not arrive as it was sent", fix="repeat the run")


def safe_path(folder: Path, name: str) -> Path:
    """Give the place of a file below a folder.

    Raises:
        StageError: the name leads out of it.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise StageError(f"{name!r} leads out of the folder it was sent to")
    return folder.joinpath(*parts)
