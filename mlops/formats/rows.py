"""Rows on disk: Parquet whose bytes depend on the rows alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["write_rows"]

_ROW_GROUP = 131_072
"""Rows a group. Left to itself, a streamed file's groups follow the number of threads."""


def write_rows(path: Path, frame: pl.DataFrame | pl.LazyFrame) -> None:
    """Write a frame as Parquet; a lazy one is streamed and need not fit into memory."""
    import polars as pl

    if isinstance(frame, pl.LazyFrame):
        frame.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)
    else:
        frame.write_parquet(path, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)
