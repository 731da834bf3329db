"""Files and folders that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mlops.durable.failures import writing

__all__ = [
    "TEMPORARY",
    "make_folder",
    "publish",
    "remove_tree",
    "sync_folder",
    "sync_tree",
    "write_atomic",
    "write_hint",
    "write_synced",
]

TEMPORARY = ".tmp"
"""Suffix of a file that is still being written; its name also starts with a dot."""


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        # Some network and user-space file systems sync no folders; there is nothing better to do on them.
        if exc.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and its parents where missing, and their names durable; safe in several processes at once."""
    with writing(folder, "make the folder"):
        _make_folder(folder)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    except FileNotFoundError:
        _make_folder(folder.parent)
        _make_folder(folder)
        return
    sync_folder(folder.parent)


def write_synced(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a new file and its bytes to the disk; the caller makes its name durable.

    Raises:
        OSError: Also when there is such a file already.
    """
    _write_new(path, data, mode=mode, finish=os.fsync)


def _write_new(path: Path, data: bytes, *, mode: int, finish: Callable[[int], None]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        finish(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file at ``path`` durably; readers see the old bytes or the new ones, never a mixture."""
    with writing(path, f"write {path.name}", need=len(data)):
        if not path.parent.is_dir():
            _make_folder(path.parent)
        _replace(path, data, finish=os.fsync)
        sync_folder(path.parent)


def write_hint(path: Path, data: bytes) -> bool:
    """Replace a file that may be lost or torn by a power cut; say whether it worked, and raise nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data, finish=_leave)
    except OSError:
        return False
    return True


def _leave(descriptor: int) -> None:
    """Let the system write the bytes when it likes."""


def _replace(path: Path, data: bytes, *, finish: Callable[[int], None]) -> None:
    temporary = path.with_name(f".{os.urandom(8).hex()}{TEMPORARY}")
    try:
        _write_new(temporary, data, mode=0o666, finish=finish)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def sync_tree(folder: Path) -> None:
    """Write every file and every name below ``folder`` to the disk."""
    with writing(folder, "write the folder to the disk"):
        for place, _, names in os.walk(folder, topdown=False):
            for name in names:
                _sync_file(Path(place, name))
            sync_folder(Path(place))


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(folder: Path, final: Path) -> bool:
    """Rename a complete, synced ``folder`` to ``final`` and make that name durable.

    Returns:
        False when something is at ``final`` already; ``folder`` is then where it was. The name of
        what is there is made durable all the same, as its maker may not have come to that yet.
    """
    make_folder(final.parent)
    with writing(final, "put the folder in its place"):
        moved = _renamed(folder, final)
        sync_folder(final.parent)
    return moved


def _renamed(folder: Path, final: Path) -> bool:
    try:
        folder.rename(final)
    except OSError:
        # Which error a taken name gives depends on what took it: ENOTEMPTY, EEXIST or ENOTDIR.
        if os.path.lexists(final) and os.path.lexists(folder):
            return False
        raise
    return True


def remove_tree(path: Path) -> None:
    """Remove a file or a folder with all that is in it; what cannot be removed is left there."""
    with suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        with suppress(OSError):
            path.chmod(0o700)
        for entry in list(path.iterdir()):
            remove_tree(entry)
        path.rmdir()
