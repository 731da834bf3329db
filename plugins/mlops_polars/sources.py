"""What a recipe's ``path`` names: a file, a glob, a URL or a database; told from its text alone."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["FORMATS", "FileFormat", "Format", "format_of", "is_database", "is_url", "shown", "sqlite_file"]

FileFormat = Literal["csv", "parquet", "jsonl", "arrow"]
Format = Literal["csv", "parquet", "jsonl", "arrow", "sql"]

FORMATS: tuple[tuple[str, FileFormat], ...] = (
    (".csv", "csv"),
    (".tsv", "csv"),
    (".parquet", "parquet"),
    (".pq", "parquet"),
    (".jsonl", "jsonl"),
    (".ndjson", "jsonl"),
    (".arrow", "arrow"),
    (".ipc", "arrow"),
    (".feather", "arrow"),
)

_DATABASES = (
    "sqlite",
    "postgresql",
    "postgres",
    "mysql",
    "mariadb",
    "mssql",
    "oracle",
    "duckdb",
    "snowflake",
    "redshift",
)
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)(?:::|://)")
_SQLITE_FILE = re.compile(r"^(?:adbc\+|connectorx\+)?sqlite(?:\+\w+)?:///(?P<file>[^?]+)")


def _scheme(path: str) -> str:
    found = _SCHEME.match(path)
    return found.group(1).lower() if found else ""


def is_url(path: str) -> bool:
    """Tell whether the path opens with a scheme such as ``s3://``."""
    return bool(_scheme(path)) and _scheme(path) != "file"


def is_database(path: str) -> bool:
    """Tell whether the path is a database URL (also ``adbc+…``, ``connectorx+…``, ``dialect+driver``)."""
    parts = _scheme(path).split("+")
    return parts[0] in {"adbc", "connectorx", *_DATABASES}


def sqlite_file(path: str) -> str | None:
    """Name the file of an SQLite URL: ``sqlite:///a.db`` is ``a.db``, ``sqlite:////tmp/a.db`` is ``/tmp/a.db``."""
    found = _SQLITE_FILE.match(path)
    return found.group("file") if found else None


def format_of(path: str) -> Format | None:
    """Tell the format by the database scheme or the file's suffix (``.gz`` and ``.zst`` aside)."""
    if is_database(path):
        return "sql"
    name = re.sub(r"\.(gz|zst)$", "", path.lower())
    return next((found for suffix, found in FORMATS if name.endswith(suffix)), None)


def shown(path: str) -> str:
    """Write a path for people: of a URL that may hold a password, only what comes before and after it."""
    return re.sub(r"//[^/@]*@", "//***@", path).split("?", maxsplit=1)[0] if is_url(path) else path
