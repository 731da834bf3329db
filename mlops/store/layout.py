"""Where everything in a store lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mlops.errors import StoreError

__all__ = ["Layout", "is_digest"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{1,127}")


def is_digest(text: str) -> bool:
    """Say whether ``text`` can be the digest of an artifact."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True)
class Layout:
    """The paths in the store's folder; nothing is read or made."""

    root: Path

    @property
    def artifacts(self) -> Path:
        """Artifacts: two hexadecimal digits, then the digest, then files."""
        return self.root / "artifacts"

    @property
    def index(self) -> Path:
        """Entries of finished stages: two characters, then the key."""
        return self.root / "index"

    @property
    def verified(self) -> Path:
        """What artifacts' files looked like when they were last hashed; hints."""
        return self.root / "verified"

    @property
    def latest(self) -> Path:
        """What each stage of each recipe was last made of; hints."""
        return self.root / "latest"

    @property
    def workspaces(self) -> Path:
        """Folders that are being filled, each with its lock beside it."""
        return self.root / "tmp"

    @property
    def damaged(self) -> Path:
        """What was found damaged and moved out of the way."""
        return self.root / "damaged"

    @property
    def locks(self) -> Path:
        """Lock files; they hold nothing."""
        return self.root / "locks"

    @property
    def using(self) -> Path:
        """The lock that runs share and that clearing needs alone."""
        return self.locks / "using.lock"

    @property
    def index_lock(self) -> Path:
        """The lock that writers of entries share and that moving one aside needs alone."""
        return self.locks / "index.lock"

    @property
    def checkpoints(self) -> Path:
        """What stages that were cut short go on from."""
        return self.root / "checkpoints"

    def checkpoint(self, key: str) -> Path:
        """Give the folder that a stage cut short goes on from."""
        return self.checkpoints / _checked_key(key)

    def key_lock(self, key: str) -> Path:
        """Give the lock of whoever computes ``key``."""
        return self.locks / "key" / f"{_checked_key(key)}.lock"

    def artifact_lock(self, digest: str) -> Path:
        """Give the lock of whoever moves a damaged artifact aside."""
        return self.locks / "artifact" / f"{_checked_digest(digest)}.lock"

    def artifact(self, digest: str) -> Path:
        """Give the folder of an artifact."""
        return self.artifacts / digest[:2] / _checked_digest(digest)

    def entry(self, key: str) -> Path:
        """Give the file of a finished stage."""
        return self.index / key[:2] / f"{_checked_key(key)}.json"

    def verified_hint(self, digest: str) -> Path:
        """Give the file that says what an artifact's files looked like."""
        return self.verified / digest[:2] / f"{_checked_digest(digest)}.json"

    def latest_hint(self, recipe: str, stage: str) -> Path:
        """Give the file that says what a stage was last made of."""
        # quote leaves no slash and no @, so two pairs never share a file; the @ keeps ".." from being a name.
        return self.latest / f"{quote(recipe, safe='')}@{quote(stage, safe='')}.json"


def _checked_digest(digest: str) -> str:
    if not is_digest(digest):
        raise StoreError(f"{digest!r} is not the digest of an artifact", fix="a digest has 64 hexadecimal digits")
    return digest


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not the key of a stage", fix="a key has 2 to 128 letters, digits, _ or -")
    return key
