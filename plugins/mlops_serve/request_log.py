"""Lines that are in the system's hands before an answer leaves: segments that only this process appends to.

A line survives the end of the process, however it comes, as soon as `append` has returned. A power
cut may take what was written since the last sync, which is `sync_seconds` ago at most.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["Segments"]

_REST_S = 5.0
"""Seconds after a failure for which the log counts as broken."""


class Segments:
    """Appends to one file after the other; used by one thread, synced by another."""

    def __init__(self, folder: Path, *, largest: int, sync_seconds: float) -> None:
        self._folder = folder
        self._largest = largest
        self._descriptor = -1
        self._size = 0
        self._number = 0
        self._failed = float("-inf")
        self._dirty = False
        self._retired: list[int] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_syncing, args=(sync_seconds,), daemon=True)
        self._thread.start()

    @property
    def is_broken(self) -> bool:
        """Whether the last line could not be written, and that was just now."""
        return time.monotonic() - self._failed < _REST_S

    def append(self, lines: bytes) -> None:
        """Write whole lines in one call.

        Raises:
            OSError: they could not be written; none of them is left in the file.
        """
        try:
            if self._descriptor < 0 or self._size >= self._largest:
                self._begin()
            self._write(lines)
        except OSError:
            self._failed = time.monotonic()
            raise
        self._failed = float("-inf")
        self._dirty = True

    def close(self) -> None:
        """Sync and end."""
        self._ended.set()
        self._thread.join()
        self._sync()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{os.getpid()}-{self._number:04d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._folder / name, flags, 0o666)
        self._number += 1
        with self._lock:
            if self._descriptor >= 0:
                self._retired.append(self._descriptor)
            self._descriptor, self._size = descriptor, 0

    def _write(self, lines: bytes) -> None:
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._descriptor, lines[written:] if written else lines)
        except OSError:
            if written:
                self._take_back()
            raise
        self._size += written

    def _take_back(self) -> None:
        """Cut a torn line off; where that fails, leave it at the end of its file and begin another."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            with self._lock:
                self._retired.append(self._descriptor)
                self._descriptor = -1

    def _keep_syncing(self, every: float) -> None:
        while not self._ended.wait(every):
            self._sync()

    def _sync(self) -> None:
        with self._lock:
            retired, self._retired = self._retired, []
            current = os.dup(self._descriptor) if self._dirty and self._descriptor >= 0 else -1
            self._dirty = False
        for descriptor in (*retired, *([current] if current >= 0 else [])):
            with suppress(OSError):
                os.fdatasync(descriptor)
            os.close(descriptor)
