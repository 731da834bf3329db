"""The rows of a table by the part each goes to, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Table
from mlops_polars.dealing import Codes

__all__ = ["PART", "DealtRows"]

PART = "__part__"
"""Column of part numbers (0 train, 1 validation, 2 test, -1 left out) in the pieces."""

_INDEX = "__row__"
_PIECE = 131_072
"""Rows a piece; a row group of the table."""


@dataclass(frozen=True)
class DealtRows:
    """A table and the part of each of its rows."""

    table: Table
    parts: Codes
    """(rows,)."""

    def count(self, part: PartName) -> int:
        """How many rows a part has."""
        return int((self.parts == PARTS.index(part)).sum())

    def scan(self, part: PartName) -> pl.LazyFrame:
        """Open one part lazily, in the table's order."""
        mine = self.parts == PARTS.index(part)

        def chosen(rows: pl.Series) -> pl.Series:
            return pl.Series(mine[rows.to_numpy()])

        wanted = pl.col(_INDEX).map_batches(chosen, return_dtype=pl.Boolean, is_elementwise=True)
        return self.table.scan().with_row_index(_INDEX).filter(wanted).drop(_INDEX)

    def pieces(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Read some columns a piece at a time, with a column of part numbers beside them."""
        for start in range(0, self.table.rows, _PIECE):
            piece = self.table.scan().select(columns).slice(start, _PIECE).collect()
            yield piece.with_columns(pl.Series(PART, self.parts[start : start + piece.height]))
