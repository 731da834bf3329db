"""Turn a folder that a stage filled into an artifact that is ready to be put in its place."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import NamedTuple

from mlops import durable
from mlops.errors import StoreError
from mlops.store.manifest import MANIFEST, FileFact, Look, Manifest, digest_of, hash_file, plain_file, survey

__all__ = ["Sealed", "seal"]


class Sealed(NamedTuple):
    """A folder with its manifest, synced and read-only."""

    digest: str
    looks: dict[str, Look]
    """What files looked like when hashed, for those whose look can be trusted from now on."""


def seal(folder: Path) -> Sealed:
    """Hash and sync every file, write the manifest, sync every folder; empty folders are dropped.

    Raises:
        StoreError: A file is not one that an artifact may hold, or is still being written.
        OSError: The file system would not.
    """
    if folder.is_symlink():
        raise StoreError("the output is a link, not a folder", where=str(folder), fix="write into the folder itself")
    files: dict[str, FileFact] = {}
    looks: dict[str, Look] = {}
    for name in sorted(survey(folder)):
        now = time.time_ns()
        look, digest = _seal_file(folder, name)
        files[name] = FileFact(look.size, digest)
        if look.settled(now):
            looks[name] = look
    manifest = Manifest(files).to_bytes()
    durable.write_synced(folder / MANIFEST, manifest, mode=0o444)
    _seal_folder(folder)
    return Sealed(digest_of(manifest), looks)


def _seal_file(folder: Path, name: str) -> tuple[Look, str]:
    path = folder / name
    _check_name(path, name)
    _check_kind(path, name)
    with plain_file(path) as file:
        os.fchmod(file.fileno(), 0o444)
        # Synced before it is hashed: a later change through a mapping then shows in the file's times.
        os.fsync(file.fileno())
        look = Look.of(os.fstat(file.fileno()))
        digest = hash_file(file)
        steady = look == Look.of(os.fstat(file.fileno()))
    if not steady:
        raise StoreError(
            f"{name!r} was changed while it was being stored",
            where=str(path),
            fix="a stage must have ended all its writing when it returns",
        )
    return look, digest


def _check_name(path: Path, name: str) -> None:
    if name == MANIFEST:
        raise StoreError(f"{name!r} is the store's own name", where=str(path), fix="give the file another name")
    if not name.isprintable() or "\\" in name:
        raise StoreError(
            f"{name!r} is not a name that an artifact may hold",
            where=str(path),
            fix="use printable characters without backslashes",
        )


def _check_kind(path: Path, name: str) -> None:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(
            f"{name!r} is not a regular file", where=str(path), fix="an artifact holds files and folders only: no links"
        )
    if status.st_nlink > 1:
        raise StoreError(
            f"{name!r} is the same file as one elsewhere (a hard link)", where=str(path), fix="write a copy of it"
        )


def _seal_folder(folder: Path) -> None:
    for place, _, _ in os.walk(folder, topdown=False):
        path = Path(place)
        if path != folder and not any(path.iterdir()):
            path.rmdir()
        else:
            durable.sync_folder(path)
