"""Kinds of file that rows are read from and predictions written to, by their suffix."""

from __future__ import annotations

from typing import Literal

from mlops.errors import ProjectError

__all__ = ["FileKind", "kind_of"]

FileKind = Literal["csv", "parquet", "jsonl", "arrow"]

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
    """Tell the kind of a file by its suffix.

    Raises:
        ProjectError: the suffix is none that is known.
    """
    for suffix, kind in _SUFFIXES.items():
        if path.lower().endswith(suffix):
            return kind
    raise ProjectError(f"the suffix of {path!r} is not known", fix=f"use one of {', '.join(_SUFFIXES)}")
