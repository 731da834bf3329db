"""What an artifact consists of: the size and digest of each of its files.

The manifest's bytes follow from the files' names and bytes alone; their digest is the artifact's.
Digests are BLAKE2b with 32 bytes (RFC 7693), written as hexadecimal digits.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["MANIFEST", "FileFact", "Look", "Manifest", "digest_of", "hash_file", "plain_file", "survey"]

MANIFEST = "manifest.json"
"""Name of the manifest in an artifact's folder; no other file may have it."""

_DIGEST_SIZE = 32
_SETTLED = 20_000_000
_SETTLED_COARSE = 2_000_000_000
"""Nanoseconds after a change in which another may bear the same time: clocks of file systems tick
every 1 to 10 ms, some once in one or two seconds."""


class Look(NamedTuple):
    """What a file looks like from outside; any change of its bytes changes one of these.

    A program can put back a file's modification time, but not the time of its last change of
    state, which only the kernel sets.
    """

    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Look:
        """Take what counts from a file's status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def settled(self, now: int) -> bool:
        """Say whether a change after ``now`` (when this look was taken, in ns) is sure to bear another time."""
        coarse = self.changed % 1_000_000_000 == 0
        return now - self.changed > (_SETTLED_COARSE if coarse else _SETTLED)


@dataclass(frozen=True)
class FileFact:
    """What a manifest says of one file."""

    size: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """The files of an artifact by name; names are relative, with forward slashes."""

    files: dict[str, FileFact]

    def to_bytes(self) -> bytes:
        """Give the one way in which this manifest is written."""
        files = {name: {"size": fact.size, "digest": fact.digest} for name, fact in self.files.items()}
        return (json.dumps({"files": files}, sort_keys=True, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read what `to_bytes` gave; its digest is to be compared first."""
        files: dict[str, dict[str, Any]] = json.loads(data)["files"]
        return cls({name: FileFact(size=fact["size"], digest=fact["digest"]) for name, fact in files.items()})


def digest_of(data: bytes) -> str:
    """Give the digest of bytes in memory."""
    import hashlib

    return hashlib.blake2b(data, digest_size=_DIGEST_SIZE).hexdigest()


def hash_file(file: FileIO) -> str:
    """Read a file from where it stands to its end and give the digest of what was read."""
    import hashlib

    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_DIGEST_SIZE)).hexdigest()


@contextmanager
def plain_file(path: Path) -> Iterator[FileIO]:
    """Open a regular file for reading; never follow a link, never wait for a pipe's other end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield file


def survey(folder: Path) -> dict[str, Look]:
    """See what everything below ``folder`` that is no folder looks like, by name; opens no file."""
    return dict(_looks(str(folder), ""))


def _looks(folder: str, prefix: str) -> Iterator[tuple[str, Look]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _looks(entry.path, f"{prefix}{entry.name}/")
            else:
                yield f"{prefix}{entry.name}", Look.of(entry.stat(follow_symlinks=False))
