"""Locks on files that the kernel frees when their holder ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from mlops.durable.failures import explained, writing
from mlops.errors import StoreError

__all__ = ["Lock", "is_locked", "locked", "try_lock"]

_GRACE = 0.002
"""Seconds after which a lock is tried once more: `is_locked` holds one for microseconds."""


class Lock:
    """A held lock; closing it, or the end of the process that took it, frees it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._process = os.getpid()

    def close(self) -> None:
        """Free the lock; closing twice does no harm."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor < 0:
            return
        # A forked child shares the lock: unlocking frees it although such a child may live on,
        # and a child that leaves the block must not free what its parent still holds.
        if os.getpid() == self._process:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def locked(path: Path, *, shared: bool = False, on_wait: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold the lock at ``path`` for the length of the block, waiting for it as long as it takes.

    A signal handler that raises ends the wait. A process that asks for a lock that it holds waits
    for itself, unless both are shared.

    Args:
        path: The lock file, made when missing. Whoever holds the lock may delete it.
        shared: Let others that ask for a shared lock hold it at the same time.
        on_wait: Called once if somebody else holds the lock.
    """
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    notices = [on_wait] if on_wait else []
    with _take(path, lambda descriptor: _wait(descriptor, mode, notices)):
        yield


def try_lock(path: Path, *, shared: bool = False) -> Lock | None:
    """Take the lock at ``path`` if it is free; None when it is not."""
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        return _take(path, lambda descriptor: _try_twice(descriptor, mode))
    except BlockingIOError:
        return None


def is_locked(path: Path) -> bool:
    """Say whether somebody holds the lock at ``path`` for themselves alone; makes no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise explained(exc, path, doing="look at the lock") from exc
    with Lock(descriptor), _locking(path):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _take(path: Path, flock: Callable[[int], None]) -> Lock:
    """Open the lock file and lock it, again and again until the file locked is the one that bears the name."""
    while True:
        lock = Lock(_open_lock(path))
        try:
            with _locking(path):
                flock(lock.descriptor)
            if _names(path, lock.descriptor):
                return lock
        except BaseException:
            lock.close()
            raise
        lock.close()


def _open_lock(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    with writing(path, "open the lock file"):
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, flags, 0o666)


def _names(path: Path, descriptor: int) -> bool:
    """Say whether ``path`` still names the open file: its last holder may have deleted it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _wait(descriptor: int, mode: int, notices: list[Callable[[], object]]) -> None:
    with suppress(BlockingIOError):
        _try_twice(descriptor, mode)
        return
    while notices:
        notices.pop()()
    fcntl.flock(descriptor, mode)


def _try_twice(descriptor: int, mode: int) -> None:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        return
    time.sleep(_GRACE)
    fcntl.flock(descriptor, mode | fcntl.LOCK_NB)


@contextmanager
def _locking(path: Path) -> Iterator[None]:
    """Explain the errors of a file system that has no locks; anything else passes."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EBADF}:
            raise
        raise StoreError(
            f"the file system cannot lock files: {exc.strerror}",
            where=str(path),
            fix="keep the project on a local file system, or mount this one with locks (NFS 4; local_lock=flock)",
        ) from exc
