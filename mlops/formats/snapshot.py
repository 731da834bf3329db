"""What a table held, column by column, small enough to be kept with every run and compared with another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from mlops.formats.artifact import Artifact, write_json

__all__ = ["QUANTILES", "ColumnSummary", "Snapshot"]

Kind = Literal["number", "time", "flag", "text", "other"]

QUANTILES = 100
"""Steps between the least and the greatest value: a column of numbers or times has one value more."""


class ColumnSummary(BaseModel):
    """One column of a snapshot."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    type: str
    """Polars type as text."""

    kind: Kind
    """How its values are summed up."""

    nulls: int
    distinct: int | None = None
    """Different values, a null not counted; None for lists, pictures and the like."""

    is_distinct_exact: bool = True
    """Whether the number of different values was counted rather than estimated (to about 2 %)."""

    unusual: int = 0
    """Values of a column of numbers that are NaN or infinite; they count in no figure below."""

    mean: float | None = None
    std: float | None = None
    """Standard deviation, over n."""

    quantiles: tuple[float, ...] = ()
    """Numbers: least value, 1 %, 2 %, … greatest value. Times: the same as seconds since 1970, in UTC."""

    counts: tuple[tuple[str, int], ...] = ()
    """Most frequent values as text, with how often they occur."""

    is_counts_all: bool = False
    """Whether `counts` lists every value."""


class Snapshot(Artifact):
    """``snapshot.json``: digest, rows, and a summary of each column of the table that lies beside it."""

    format = "snapshot"

    @classmethod
    def create(cls, folder: Path, columns: Sequence[ColumnSummary], *, rows: int, digest: str) -> Self:
        """Write the summaries of a table into ``folder``.

        Args:
            folder: where; empty.
            columns: in the table's order.
            rows: of the table.
            digest: blake2b of the table's ``data.parquet``, which depends on the rows alone.
        """
        told = [column.model_dump(mode="json", exclude_defaults=True) for column in columns]
        write_json(folder / "snapshot.json", {"digest": digest, "rows": rows, "columns": told})
        return cls(folder)

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return int(self._facts["rows"])

    @property
    def digest(self) -> str:
        """What the rows are known by."""
        return str(self._facts["digest"])

    @property
    def columns(self) -> tuple[ColumnSummary, ...]:
        """The columns in order."""
        return tuple(ColumnSummary.model_validate(column) for column in self._facts["columns"])

    @property
    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.read_json("snapshot.json")
        return found
