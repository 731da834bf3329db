"""The small text files in which DVC keeps what it tracks: PATH.dvc, dvc.lock, and the list of a folder's files."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mlops.errors import ProjectError

__all__ = ["LOCK", "SUFFIX", "Out", "listed", "outs_of"]

SUFFIX = ".dvc"
LOCK = "dvc.lock"
_DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")


@dataclass(frozen=True)
class Out:
    """One tracked file or folder."""

    name: str
    """Relative to the repository's root."""

    md5: str
    """Of the file's bytes; of a folder's list, with ``.dir`` behind it."""

    is_legacy: bool = False
    """Written by DVC 2, which kept contents elsewhere and normalised line ends before it digested texts."""

    @property
    def is_folder(self) -> bool:
        """Whether a folder is tracked as a whole."""
        return self.md5.endswith(".dir")


def outs_of(name: str, text: bytes) -> list[Out]:
    """Read what a ``.dvc`` file or a ``dvc.lock`` tracks.

    Args:
        name: of the file, relative to the repository's root.
        text: its bytes.

    Raises:
        ProjectError: it cannot be read.
    """
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        return list(_outs(name, content))
    except (yaml.YAMLError, UnicodeError, AttributeError, TypeError, KeyError, RecursionError) as exc:
        raise ProjectError(
            "a file of DVC's cannot be read", where=name, fix="merge conflict? dvc status says what is wrong"
        ) from exc


def _outs(name: str, content: Any) -> Iterator[Out]:
    folder = posixpath.dirname(name)
    stages = content["stages"].values() if posixpath.basename(name) == LOCK else [content]
    for stage in stages:
        base = posixpath.join(folder, str(stage.get("wdir", "")))
        for out in stage.get("outs") or []:
            md5 = str(out.get("md5", ""))
            if _DIGEST.fullmatch(md5):
                yield Out(posixpath.normpath(posixpath.join(base, out["path"])), md5, out.get("hash") != "md5")


def listed(text: bytes, where: str) -> Mapping[str, str]:
    """Read the list of a tracked folder: name of each file in it → md5.

    Raises:
        ProjectError: it is damaged, or names a file outside the folder.
    """
    try:
        found = {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(text)}
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ProjectError("DVC's list of a folder is damaged", where=where, fix="remove it and pull again") from exc
    for name, md5 in found.items():
        if posixpath.normpath(name).startswith(("..", "/")) or not _DIGEST.fullmatch(md5):
            raise ProjectError(f"DVC's list of a folder names {name!r}", where=where, fix="remove it and pull again")
    return found
