"""Files under their own names: links to contents that lie under digests somewhere else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mlops.durable import writing
from mlops.services.versions import Held

__all__ = ["view_of"]

_DIGEST_BYTES = 16


def view_of(files: Mapping[str, Held], folder: Path) -> Path:
    """Make a folder in which each file has its own name; the same files always give the same folder.

    Readers sort by name and tell formats by suffix; contents in a cache have neither.

    Args:
        files: name (relative, no ``..``) → where its bytes are.
        folder: where such folders lie; they may be removed at any time.
    """
    told = sorted((name, held.digest, str(held.path)) for name, held in files.items())
    view = folder / hashlib.blake2b(json.dumps(told).encode(), digest_size=_DIGEST_BYTES).hexdigest()
    with writing(view, "link the files of a version"):
        for name, held in files.items():
            _link(view / name, held.path.resolve())
    return view


def _link(link: Path, target: Path) -> None:
    with suppress(OSError):
        if os.readlink(link) == str(target):  # noqa: PTH115 - Path.readlink would make a path only to be compared
            return
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{os.urandom(8).hex()}.tmp")
    temporary.symlink_to(target)
    temporary.replace(link)
