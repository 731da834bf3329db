"""Checkpoints in a folder that survives kills: each whole or not there, the last two kept, damage found at load."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops_lightning.checkpoint_codec import decode, encode

__all__ = ["Checkpoints"]

_KEPT = 2
_NAME = re.compile(r"checkpoint-(?P<number>\d{8})-(?P<digest>[0-9a-f]{32})\.safetensors")
_TEMPORARY = ".checkpoint.tmp"


class Checkpoints:
    """Writes and finds the checkpoints of one fit.

    A file's name holds its number and the digest of its bytes, so that a damaged one is known
    before anything in it is used. It is written under another name in the same folder, synced,
    renamed, and then the folder is synced.
    """

    def __init__(self, folder: Path, *, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint

    def save(self, tree: Any) -> Path:
        """Write a checkpoint; those before the last two are removed once it is safe."""
        self._folder.mkdir(parents=True, exist_ok=True)
        data = encode({"fingerprint": self._fingerprint, "tree": tree})
        found = self._found()
        number = found[-1][0] + 1 if found else 1
        path = self._folder / f"checkpoint-{number:08d}-{_digest(data)}.safetensors"
        _write(self._folder / _TEMPORARY, data)
        (self._folder / _TEMPORARY).rename(path)
        _sync(self._folder)
        for _, old in found[: 1 - _KEPT]:
            old.unlink(missing_ok=True)
        return path

    def load(self, *, warn: Callable[[str], None]) -> Any:
        """Read the newest checkpoint of this very fit that is whole; None when there is none."""
        for _, path in reversed(self._found()):
            data = path.read_bytes()
            if _digest(data) != path.name.rpartition("-")[2].partition(".")[0]:
                warn(f"the checkpoint {path} is damaged; the one before it is used")
                continue
            content = decode(data)
            if content["fingerprint"] == self._fingerprint:
                return content["tree"]
        return None

    def _found(self) -> list[tuple[int, Path]]:
        if not self._folder.is_dir():
            return []
        matches = [(_NAME.fullmatch(path.name), path) for path in self._folder.iterdir()]
        return sorted((int(match["number"]), path) for match, path in matches if match)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
