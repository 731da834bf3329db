"""Whether a folder holds an artifact whole: what is read across a boundary is proved before it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import ArtifactDamaged

__all__ = ["MANIFEST", "require_whole"]

MANIFEST = "manifest.json"
"""The file of an artifact that lists the others, with sizes and digests; its own digest is the artifact's."""

_DIGEST_SIZE = 32
_FIX = "fetch it again from where it was made, or make it again"


def require_whole(folder: Path, digest: str) -> Path:
    """See that a folder's files are those of the artifact with this digest; give the folder.

    Args:
        folder: with the artifact's files and its manifest.
        digest: BLAKE2b (32 bytes, hexadecimal) of the manifest's bytes.

    Raises:
        ArtifactDamaged: a file is missing, changed or was added, or this is another artifact.
    """
    expected = _manifest(folder, digest)
    found = {str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if not path.is_dir()}
    if strange := sorted(found - {*expected, MANIFEST}):
        raise ArtifactDamaged(f"{strange[0]} is not one of the artifact's files", where=str(folder), fix=_FIX)
    for name, facts in expected.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise ArtifactDamaged(f"the artifact's file {name} is missing", where=str(folder), fix=_FIX)
        if _digest(path) != facts["digest"]:
            raise ArtifactDamaged(f"the artifact's file {name} was changed", where=str(path), fix=_FIX)
    return folder


def _manifest(folder: Path, digest: str) -> Mapping[str, Any]:
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file():
        raise ArtifactDamaged("there is no artifact with its manifest", where=str(folder), fix=_FIX)
    content = path.read_bytes()
    if hashlib.blake2b(content, digest_size=_DIGEST_SIZE).hexdigest() != digest:
        raise ArtifactDamaged(f"this is not the artifact {digest[:12]}", where=str(path), fix=_FIX)
    found: Mapping[str, Any] = json.loads(content)["files"]
    return found


def _digest(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_DIGEST_SIZE)).hexdigest()
