"""Files that git keeps by Git LFS: a commit holds a small pointer, the content lies in git's own folder."""

from __future__ import annotations

import re
from pathlib import Path

from mlops.errors import ProjectError
from mlops.services.versions import Held

__all__ = ["followed"]

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.+\n)*oid sha256:([0-9a-f]{64})\n")
_LONGEST = 1024
"""Bytes of the longest pointer."""


def followed(name: str, held: Held, *, store: Path, rev: str) -> Held:
    """Give the content that a pointer stands for, or what is no pointer as it is.

    Raises:
        ProjectError: the content is not on this machine.
    """
    if held.path.stat().st_size > _LONGEST:
        return held
    found = _POINTER.match(held.path.read_bytes())
    if found is None:
        return held
    oid = found[1].decode()
    path = store / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    if not path.is_file():
        raise ProjectError(
            f"the content of {name!r} at {rev} is in Git LFS and not on this machine",
            where=str(path),
            fix=f"git lfs fetch origin {rev} --include={name}",
        )
    return Held(path, f"sha256:{oid}")
