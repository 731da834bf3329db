"""A table divided into train, validation and test rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from mlops.formats.artifact import Artifact, write_json
from mlops.formats.rows import write_rows
from mlops.formats.table import Roles

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PARTS", "PartName", "Splits"]

PartName = Literal["train", "validation", "test"]
PARTS: tuple[PartName, ...] = ("train", "validation", "test")


class Splits(Artifact):
    """``train.parquet``, ``validation.parquet``, ``test.parquet``, ``splits.json``."""

    format = "splits"

    @classmethod
    def create(
        cls,
        folder: Path,
        parts: Mapping[PartName, pl.DataFrame | pl.LazyFrame],
        *,
        roles: Roles,
        checks: Mapping[str, Any],
    ) -> Self:
        """Write the parts (lazy ones are streamed), the table's roles and what the leakage checks found."""
        import polars as pl

        for name in PARTS:
            write_rows(folder / f"{name}.parquet", parts[name])
        rows = {name: pl.scan_parquet(folder / f"{name}.parquet").select(pl.len()).collect().item() for name in PARTS}
        facts = {"rows": rows, "roles": roles.model_dump(mode="json"), "checks": dict(checks)}
        write_json(folder / "splits.json", facts)
        return cls(folder)

    def scan(self, part: PartName) -> pl.LazyFrame:
        """Open one part lazily."""
        import polars as pl

        return pl.scan_parquet(self.folder / f"{part}.parquet")

    def read(self, part: PartName) -> pl.DataFrame:
        """Read one part into memory."""
        return self.scan(part).collect()

    @property
    def roles(self) -> Roles:
        """The roles that columns play."""
        return Roles.model_validate(self.read_json("splits.json")["roles"])

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each part."""
        return dict(self.read_json("splits.json")["rows"])

    def summary(self) -> str:
        """Rows of each part."""
        return ", ".join(f"{name} {count:,}" for name, count in self.rows.items())
