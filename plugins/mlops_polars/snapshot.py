"""A table → its snapshot, a piece of rows at a time: any number of rows, the same bytes every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mlops.formats.snapshot import ColumnSummary, Snapshot
from mlops.formats.table import Table
from mlops_polars.column_summary import Summary, summary_of

__all__ = ["snapshot_of"]

_PIECE, _PIECE_VALUES = 131_072, 2**23
"""Most rows of a piece, and most values in it."""

_LEAST = 1024


def snapshot_of(table: Table, folder: Path) -> Snapshot:
    """Sum a table up.

    Args:
        table: what to look at.
        folder: where to write; empty.
    """
    summaries = {name: summary_of(name, dtype) for name, dtype in table.scan().collect_schema().items()}
    for piece in _pieces(table, [name for name, summary in summaries.items() if summary.wants_values]):
        for column in piece.iter_columns():
            summaries[column.name].add(column)
    return Snapshot.create(folder, _finished(table, summaries), rows=table.rows, digest=_digest(table))


def _pieces(table: Table, names: list[str]) -> Iterator[pl.DataFrame]:
    """Read the columns in pieces whose borders depend on the table alone."""
    size = max(_LEAST, min(_PIECE, _PIECE_VALUES // max(1, len(names))))
    for start in range(0, table.rows if names else 0, size):
        yield table.scan().select(names).slice(start, size).collect().rechunk()


def _finished(table: Table, summaries: dict[str, Summary]) -> list[ColumnSummary]:
    """Close the summaries; of columns whose values tell nothing, only the nulls are counted."""
    blind = [name for name, summary in summaries.items() if not summary.wants_values]
    nulls = table.scan().select(pl.col(name).null_count() for name in blind).collect().to_dict() if blind else {}
    return [summary.finished(int(nulls[name][0]) if name in nulls else None) for name, summary in summaries.items()]


def _digest(table: Table) -> str:
    with (table.folder / "data.parquet").open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()
