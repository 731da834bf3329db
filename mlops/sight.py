"""What files look like without reading them: enough to know that nothing was touched."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["MARGIN", "Sight", "look"]

MARGIN = 2_000_000_000
"""Nanoseconds: a file changed this shortly before it was looked at may change again and look the same."""

_SKIPPED = frozenset({"__pycache__", ".git", ".mlops", "node_modules"})


@dataclass(frozen=True)
class Sight:
    """The look of many files at once."""

    digest: str
    newest: int
    """Latest change of any of them, in nanoseconds since the epoch."""


def look(folders: Iterable[str], files: Iterable[str], *, suffix: str = "") -> Sight:
    """Look at every file below the folders (with the suffix, where given), and at single files.

    Names, sizes, inodes and both dates count; a missing file or folder counts as missing.
    """
    digest = hashlib.blake2b(digest_size=32)
    newest = 0
    for path, status in (*_below(folders, suffix), *_each(files)):
        facts = (path, *_facts(status)) if status else (path, "missing")
        digest.update(repr(facts).encode("utf-8", "surrogatepass"))
        if status:
            newest = max(newest, status.st_mtime_ns, status.st_ctime_ns)
    return Sight(digest.hexdigest(), min(newest, sys.maxsize))


def _facts(status: os.stat_result) -> tuple[int, ...]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


def _each(files: Iterable[str]) -> Iterator[tuple[str, os.stat_result | None]]:
    for path in files:
        try:
            yield path, os.stat(path)  # noqa: PTH116 - Path objects cost more than the look itself
        except OSError:
            yield path, None


def _below(folders: Iterable[str], suffix: str) -> Iterator[tuple[str, os.stat_result | None]]:
    for folder in folders:
        pending = [folder]
        while pending:
            here = pending.pop()
            try:
                entries = sorted(os.scandir(here), key=lambda entry: entry.name)
            except OSError:  # a single file, or nothing at all
                yield from _each([here])
                continue
            for entry in entries:
                if entry.is_dir():
                    pending += [entry.path] if entry.name not in _SKIPPED else []
                elif entry.name.endswith(suffix):
                    yield from _each([entry.path])
