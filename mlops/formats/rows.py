"""Rows on disk: Parquet whose bytes depend on the rows alone."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["write_rows"]

_GROUP, _GROUP_VALUES = 131_072, 2**24
"""Most rows of a group, and most values in it. Left to itself, a streamed file follows the number of threads."""

_PIECE, _PIECE_VALUES = 65_536, 2**22
"""Rows below which a piece is made smaller, and most values of a piece: several are in memory at once."""

_LEAST = 1024


def write_rows(path: Path, frame: pl.DataFrame | pl.LazyFrame) -> None:
    """Write a frame as Parquet; a lazy one is streamed and need not fit into memory."""
    import polars as pl

    width = _width(frame.lazy().collect_schema())
    group = max(_LEAST, min(_GROUP, _GROUP_VALUES // width))
    if isinstance(frame, pl.DataFrame):
        frame.write_parquet(path, compression="zstd", compression_level=1, row_group_size=group)
        return
    piece = max(_LEAST, _PIECE_VALUES // width)
    with pl.Config(streaming_chunk_size=piece) if piece < _PIECE else nullcontext():
        frame.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=group)


def _width(schema: pl.Schema) -> int:
    """Values a row; an array counts as many as it holds."""
    return max(1, sum(math.prod(getattr(dtype, "shape", (1,))) for dtype in schema.values()))
