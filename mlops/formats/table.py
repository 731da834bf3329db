"""Rows and columns, with the roles that columns play."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict

from mlops.formats.artifact import Artifact, write_json
from mlops.formats.expectation import Expectation
from mlops.formats.history import HistorySpec
from mlops.formats.rows import write_rows

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Roles", "Table", "Task"]

Task = Literal["binary", "multiclass", "regression"]


class Roles(BaseModel):
    """Which column means what to the stages below; it travels with the rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    target: str | None = None
    """Column to predict."""

    task: Task | None = None
    """What kind of prediction it is."""

    time: str | None = None
    """Column that orders the rows in time."""

    group: str | None = None
    """Column whose equal values belong together (a customer, a patient)."""

    weight: str | None = None
    """Column that weighs each row in training and evaluation."""

    id: tuple[str, ...] = ()
    """Columns that name a row; never features."""

    expected: dict[str, Expectation] = {}
    """The contract of single columns, for rows that will be predicted."""

    history: tuple[HistorySpec, ...] = ()
    """Columns that were computed from other tables' past rows."""

    def all(self) -> tuple[str, ...]:
        """List every column that has a role."""
        named = (self.target, self.time, self.group, self.weight, *self.id)
        return tuple(dict.fromkeys(name for name in named if name))


class Table(Artifact):
    """``data.parquet`` and ``table.json`` (rows, columns with Polars types, roles)."""

    format = "table"

    @classmethod
    def create(cls, folder: Path, frame: pl.DataFrame | pl.LazyFrame, *, roles: Roles) -> Self:
        """Write a frame (a lazy one is streamed) and its roles into ``folder``."""
        import polars as pl

        path = folder / "data.parquet"
        write_rows(path, frame)
        scan = pl.scan_parquet(path)
        columns = {name: str(dtype) for name, dtype in scan.collect_schema().items()}
        rows = int(scan.select(pl.len()).collect().item())
        write_json(folder / "table.json", {"rows": rows, "columns": columns, "roles": roles.model_dump(mode="json")})
        return cls(folder)

    def scan(self) -> pl.LazyFrame:
        """Open the rows lazily."""
        import polars as pl

        return pl.scan_parquet(self.folder / "data.parquet")

    def read(self) -> pl.DataFrame:
        """Read all rows into memory."""
        return self.scan().collect()

    @property
    def roles(self) -> Roles:
        """The roles that columns play."""
        return Roles.model_validate(self.read_json("table.json")["roles"])

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.read_json("table.json")["rows"])

    @property
    def columns(self) -> dict[str, str]:
        """Column names in order, with their Polars types as text."""
        return dict(self.read_json("table.json")["columns"])

    def summary(self) -> str:
        """Rows × columns."""
        return f"{self.rows:,} rows × {len(self.columns)} columns"
