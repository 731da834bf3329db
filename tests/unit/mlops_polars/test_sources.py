from __future__ import annotations

import pytest

from mlops_polars.sources import format_of, is_url, shown, sqlite_file


@pytest.mark.parametrize(
    ("path", "format_"),
    [
        ("a.csv", "csv"),
        ("a.CSV.gz", "csv"),
        ("a.tsv", "csv"),
        ("data/2024-*.parquet", "parquet"),
        ("s3://bucket/a.jsonl", "jsonl"),
        ("a.ndjson.zst", "jsonl"),
        ("a.feather", "arrow"),
        ("sqlite:///a.db", "sql"),
        ("adbc+postgresql://host/base", "sql"),
        ("connectorx+mysql://host/base", "sql"),
        ("postgresql+psycopg://host/base", "sql"),
        ("a.xlsx", None),
    ],
)
def test_the_format_is_told_from_the_path(path: str, format_: str | None) -> None:
    assert format_of(path) == format_


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("sqlite:///data/a.db", "data/a.db"),
        ("sqlite:////srv/a.db", "/srv/a.db"),
        ("adbc+sqlite:///a.db?mode=ro", "a.db"),
        ("sqlite+pysqlite:///a.db", "a.db"),
        ("postgresql://host/base", None),
    ],
)
def test_an_sqlite_url_names_its_file(path: str, file: str | None) -> None:
    assert sqlite_file(path) == file


def test_a_file_url_is_a_local_path() -> None:
    assert not is_url("file:///tmp/a.csv")
    assert is_url("memory://a.csv")


def test_passwords_in_urls_are_not_shown() -> None:
    assert shown("postgresql://me:secret@host/base?password=secret") == "postgresql://***@host/base"
