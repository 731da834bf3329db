"""Digests of files, folders and outside sources, without reading twice what did not change."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mlops.errors import ProjectError
from mlops.fingerprint.folders import walk
from mlops.fingerprint.hints import Hints

__all__ = ["FileDigests", "bytes_digest", "combined", "hint_name"]

_SECTION = "files"
_SETTLED_NS = 2_000_000_000
"""A file must be this much older than its hashing before its dates are believed.

Dates have a grain (4 ms on ext4, 2 s on some file systems): a file written again within the grain
keeps its dates, so dates taken that close to the write prove nothing.
"""
_ENTRY_LENGTH = 7
_DIGEST_BYTES = 32


class FileDigests:
    """blake2b digests of files and folders, remembered by size, dates, inode and device."""

    def __init__(self, cache_path: Path) -> None:
        self.hints = Hints(cache_path)

    def digest(self, path: Path | str) -> str:
        """Digest a file's bytes, or a folder's names and bytes; dates and modes do not count.

        Raises:
            ProjectError: there is no such file, or it cannot be read.
        """
        try:
            return self._any(Path(path).absolute())
        except OSError as exc:
            raise ProjectError(
                f"cannot read {exc.filename or path}: {exc.strerror or exc}", fix="check the path and its permissions"
            ) from exc

    def source_digest(self, source: str, find: Callable[[str], list[str]]) -> str:
        """Digest one outside source: a path, a glob or a URL, as the recipe writes it.

        Several files count with their names relative to their common folder, in any order.

        Raises:
            ProjectError: nothing is there, or its backend cannot tell when it changes.
        """
        found = find(source)
        if not found and "://" not in source:
            raise ProjectError(f"there is no file {source!r}", fix=_near_fix(source))
        names = sorted(found or [source])
        digests = [self._source(name) for name in names]
        if len(names) == 1:
            return digests[0]
        return combined(zip(_relative(names), digests, strict=True))

    def save(self) -> None:
        """Keep what was learnt for the next process."""
        self.hints.save()

    def _source(self, name: str) -> str:
        scheme, separator, rest = name.partition("://")
        if not separator:
            return self.digest(name)
        if scheme in {"file", "local"}:
            return self.source_digest(rest, _globbed)
        from mlops.fingerprint.urls import url_digest

        return url_digest(name)

    def _any(self, path: Path) -> str:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return combined((str(file.relative_to(path)), self._any(file)) for file in walk(path))
        if not stat.S_ISREG(status.st_mode):
            raise ProjectError(f"{path} is neither a file nor a folder", fix="name a regular file")
        return self._known(path, status) or self._hashed(path)

    def _known(self, path: Path, status: os.stat_result) -> str:
        entry = self.hints.get(_SECTION, hint_name(path))
        if not _is_entry(entry) or entry[:5] != _signature(status):
            return ""
        changed, hashed_at = max(entry[1], entry[2]), entry[5]
        return str(entry[6]) if hashed_at - changed >= _SETTLED_NS else ""

    def _hashed(self, path: Path) -> str:
        began = time.time_ns()
        with path.open("rb") as file:
            before = _signature(os.fstat(file.fileno()))
            digest = hashlib.file_digest(file, _blake2b).hexdigest()
            unchanged = _signature(os.fstat(file.fileno())) == before
        if unchanged:
            self.hints.put(_SECTION, hint_name(path), [*before, began, digest])
        return digest


def hint_name(path: Path) -> str:
    """Name a file in the hints without telling its path, which a secret may be part of."""
    return hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()


def combined(pairs: Iterable[tuple[str, str]]) -> str:
    """Digest name → digest pairs, whatever their order."""
    total = _blake2b()
    for name, digest in sorted(pairs):
        total.update(os.fsencode(name) + b"\0" + digest.encode() + b"\n")
    return str(total.hexdigest())


def bytes_digest(data: bytes) -> str:
    """Digest bytes; equal to the digest of a file that holds them."""
    return str(_blake2b(data).hexdigest())


def _blake2b(data: bytes = b"") -> Any:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES)


def _signature(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == _ENTRY_LENGTH
        and all(isinstance(number, int) for number in entry[:6])
        and isinstance(entry[6], str)
    )


def _relative(names: list[str]) -> list[str]:
    """Name several files relative to the folder they share, so that a moved project keeps its keys."""
    if any("://" in name for name in names):
        return names
    shared = os.path.commonpath([Path(name).absolute().parent for name in names])
    return [os.path.relpath(name, shared) for name in names]


def _globbed(pattern: str) -> list[str]:
    """Find the files of an absolute path or glob."""
    plain = Path(pattern)
    if plain.exists():
        return [pattern]
    below = plain.relative_to(plain.anchor)
    return sorted(str(path) for path in Path(plain.anchor).glob(str(below))) if below.name else []


def _near_fix(source: str) -> str:
    """Suggest a file of the same folder whose name is near."""
    from difflib import get_close_matches

    path = Path(source)
    try:
        near = get_close_matches(path.name, sorted(other.name for other in path.parent.iterdir()), n=1)
    except OSError:
        return f"make the folder {str(path.parent)!r} or correct the path"
    return f"did you mean {str(path.with_name(near[0]))!r}?" if near else "correct the path or glob"
