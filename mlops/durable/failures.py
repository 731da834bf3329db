"""What the operating system says when something cannot be written, in words that help."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from mlops.errors import StoreError, StoreUnwritable

__all__ = ["disk_trouble", "explained", "writing"]

_CAUSES = MappingProxyType(
    {
        errno.ENOSPC: ("the file system is full", "free space there (`mlops gc` shows what no run needs), then repeat"),
        errno.EDQUOT: ("the disk quota is used up", "free space there or have the quota raised, then repeat"),
        errno.EFBIG: ("the file would be larger than is allowed", "raise the limit (`ulimit -f`), then repeat"),
        errno.EROFS: ("the file system is read-only", "mount it writable, or move the project to one that is"),
        errno.EACCES: ("writing there is not permitted", "give this user the right to write there"),
        errno.EPERM: ("writing there is not permitted", "give this user the right to write there"),
        errno.EIO: ("the disk reported an input/output error", "check the disk (`dmesg`) before you repeat"),
    }
)

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Codes that speak of the disk itself, whoever met them."""


@contextmanager
def writing(path: Path, doing: str, *, need: int | None = None) -> Iterator[None]:
    """Turn an `OSError` inside the block into a `StoreUnwritable` or `StoreError` that explains it.

    Args:
        path: What is being written.
        doing: The attempt in words that follow "cannot", such as "write the run's record".
        need: Bytes that the attempt needs, where known.
    """
    try:
        yield
    except OSError as exc:
        raise explained(exc, path, doing=doing, need=need) from exc


def explained(exc: OSError, path: Path, *, doing: str, need: int | None = None) -> StoreError:
    """Make the error that says what could not be done, where, why, and what helps."""
    cause, fix = _CAUSES.get(exc.errno or 0, ("", ""))
    if not cause:
        return StoreError(f"cannot {doing}: {exc.strerror or exc}", where=str(path))
    space = _space(path, need) if exc.errno in {errno.ENOSPC, errno.EDQUOT} else ""
    return StoreUnwritable(f"cannot {doing}: {cause}{space}", where=str(path), fix=fix)


def disk_trouble(exc: BaseException | None, path: Path, *, doing: str) -> StoreError | None:
    """Find a full or unwritable disk behind any error, also one that a library only put into words.

    Returns:
        The error that explains it; None when the cause is another.
    """
    while exc is not None:
        code = (exc.errno if isinstance(exc, OSError) else None) or _code_in(str(exc))
        if code in _DISK:
            return explained(OSError(code, os.strerror(code)), path, doing=doing)
        exc = exc.__cause__ or exc.__context__
    return None


def _code_in(text: str) -> int:
    return next((code for code in _DISK if os.strerror(code) in text), 0)


def _space(path: Path, need: int | None) -> str:
    """Say how many bytes are needed (where known) and free (where they can be counted)."""
    parts = [] if need is None else [f"{need:,} bytes needed"]
    for folder in (path, *path.parents):
        with suppress(OSError):
            disk = os.statvfs(folder)
            parts.append(f"{disk.f_bavail * disk.f_frsize:,} bytes free")
            break
    return f" ({', '.join(parts)})" if parts else ""
