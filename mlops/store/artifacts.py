"""Artifacts: put in place whole, checked cheaply, moved aside when damaged."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlops import durable
from mlops.errors import ArtifactDamaged, StoreError
from mlops.store.layout import Layout
from mlops.store.manifest import MANIFEST, Look, Manifest, digest_of, hash_file, plain_file, survey
from mlops.store.sealing import seal

__all__ = ["Artifacts"]

_ATTEMPTS = 5


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of a store."""

    layout: Layout

    def commit(self, folder: Path) -> str:
        """Make ``folder`` an artifact and give its digest; afterwards the folder is no longer there.

        Raises:
            StoreError: The folder holds something that an artifact may not.
            StoreUnwritable: The file system is full, read-only or failing; nothing became visible.
        """
        with durable.writing(folder, "store what the stage made"):
            sealed = seal(folder)
        for _ in range(_ATTEMPTS):
            if durable.publish(folder, self.layout.artifact(sealed.digest)):
                self._remember(sealed.digest, sealed.looks)
                return sealed.digest
            if self._is_whole(sealed.digest):
                durable.remove_tree(folder)
                return sealed.digest
            self.set_aside(sealed.digest)
        raise StoreError("the artifact is damaged again and again", where=str(self.layout.artifact(sealed.digest)))

    def check(self, digest: str, *, full: bool = False) -> None:
        """Make sure that the artifact's files are those of its manifest.

        Files that look as they did when they were last hashed are not read again, unless ``full``.

        Raises:
            ArtifactDamaged: A file is missing, different or too many, or the artifact is gone.
        """
        folder = self.layout.artifact(digest)
        now = time.time_ns()
        seen = _seen(folder)
        known = {} if full else self._recall(digest)
        trusted = {name for name, look in seen.items() if known.get(name) == look}
        if len(trusted) == len(seen) == len(known) and MANIFEST in trusted:
            return
        _verify(folder, seen, trusted=trusted)
        self._remember(digest, {name: look for name, look in seen.items() if look.settled(now)})

    def set_aside(self, digest: str) -> bool:
        """Move the artifact away if it is damaged, so that it can be made again; say whether it was moved.

        Two processes may do this at once: the second finds the artifact gone, or whole again.
        """
        folder = self.layout.artifact(digest)
        with durable.locked(self.layout.artifact_lock(digest)):
            if not os.path.lexists(folder) or self._is_whole(digest, full=True):
                return False
            with durable.writing(folder, "move the damaged artifact aside"):
                self.layout.damaged.mkdir(parents=True, exist_ok=True)
                folder.rename(self.layout.damaged / f"{digest}.{os.urandom(4).hex()}")
            with suppress(OSError):
                self.layout.verified_hint(digest).unlink()
        return True

    def _is_whole(self, digest: str, *, full: bool = False) -> bool:
        try:
            self.check(digest, full=full)
        except ArtifactDamaged:
            return False
        return True

    def _recall(self, digest: str) -> dict[str, Look]:
        """Read what the files looked like when they were last hashed; nothing if that is lost or torn."""
        with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
            table = json.loads(self.layout.verified_hint(digest).read_bytes())
            return {name: Look(*look) for name, look in table.items()}
        return {}

    def _remember(self, digest: str, looks: dict[str, Look]) -> None:
        if looks:
            durable.write_hint(self.layout.verified_hint(digest), json.dumps(looks).encode())


def _seen(folder: Path) -> dict[str, Look]:
    try:
        return survey(folder)
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError) and not os.path.lexists(folder)
        raise _damaged(folder, "it is missing" if missing else f"it cannot be read ({exc.strerror})") from exc


def _verify(folder: Path, seen: dict[str, Look], *, trusted: set[str]) -> None:
    """Compare every file with the manifest, and the manifest with the artifact's digest."""
    expected = _read_manifest(folder).files
    for name in sorted(expected.keys() - seen.keys()):
        raise _damaged(folder, f"{name!r} is missing")
    for name in sorted(seen.keys() - expected.keys() - {MANIFEST}):
        raise _damaged(folder, f"{name!r} is not part of it")
    for name, fact in sorted(expected.items()):
        if seen[name].size != fact.size:
            raise _damaged(folder, f"{name!r} has {seen[name].size:,} bytes instead of {fact.size:,}")
        if name not in trusted and _digest(folder, name) != fact.digest:
            raise _damaged(folder, f"{name!r} has other bytes than it was stored with")


def _read_manifest(folder: Path) -> Manifest:
    with _reading(folder, MANIFEST), plain_file(folder / MANIFEST) as file:
        data = file.readall()
    if digest_of(data) != folder.name:
        raise _damaged(folder, f"{MANIFEST!r} has other bytes than it was stored with")
    return Manifest.from_bytes(data)


def _digest(folder: Path, name: str) -> str:
    with _reading(folder, name), plain_file(folder / name) as file:
        return hash_file(file)


@contextmanager
def _reading(folder: Path, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError)
        raise _damaged(
            folder, f"{name!r} is missing" if missing else f"{name!r} cannot be read: {exc.strerror}"
        ) from exc


def _damaged(folder: Path, what: str) -> ArtifactDamaged:
    return ArtifactDamaged(
        f"artifact {folder.name[:12]} is damaged: {what}",
        where=str(folder),
        fix="run the recipe again: the stage that made it is repeated",
    )
