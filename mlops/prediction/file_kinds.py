"""Kinds of file that rows are read from and predictions written to, by their suffix."""

from __future__ import annotations

from typing import Literal

from mlops.errors import ProjectError

__all__ = ["GZIP", "FileKind", "kind_of"]

FileKind = Literal["csv", "parquet", "jsonl", "arrow"]

GZIP = ".gz"
"""Ends the name of a compressed file."""

_TEXTS: tuple[FileKind, ...] = ("csv", "jsonl")
_SUFFIXES: dict[str, FileKind] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def kind_of(path: str) -> FileKind:
    """Tell the kind of a file by its suffix; that of a text may have ``.gz`` behind it.

    Raises:
        ProjectError: the suffix is none that is known.
    """
    bare = path.lower().removesuffix(GZIP)
    kind = next((kind for suffix, kind in _SUFFIXES.items() if bare.endswith(suffix)), None)
    if kind is None or (bare != path.lower() and kind not in _TEXTS):
        texts = ", ".join(f"{suffix}{GZIP}" for suffix, kind in _SUFFIXES.items() if kind in _TEXTS)
        raise ProjectError(f"the suffix of {path!r} is not known", fix=f"use one of {', '.join(_SUFFIXES)}, {texts}")
    return kind
