"""What a contract found in a table, and the rows it set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mlops.formats.artifact import Artifact, write_json
from mlops.formats.rows import write_rows

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Validation"]


class Validation(Artifact):
    """``validation.json`` (one entry a rule) and ``quarantine.parquet`` when rows were set aside."""

    format = "validation"

    @classmethod
    def create(
        cls, folder: Path, rules: Sequence[Mapping[str, Any]], *, rows: int, quarantine: pl.DataFrame | None
    ) -> Self:
        """Write the outcome of each rule, and the quarantined rows with a ``rule`` column."""
        if quarantine is not None and quarantine.height:
            write_rows(folder / "quarantine.parquet", quarantine)
        kept = 0 if quarantine is None else quarantine.height
        write_json(folder / "validation.json", {"rows": rows, "quarantined": kept, "rules": [dict(r) for r in rules]})
        return cls(folder)

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Each rule: name, severity, broken rows, passed."""
        return list(self.read_json("validation.json")["rules"])

    def summary(self) -> str:
        """Rules kept and broken."""
        facts = self.read_json("validation.json")
        broken = sum(not rule["passed"] for rule in facts["rules"])
        return f"{len(facts['rules'])} rules, {broken} broken, {facts['quarantined']:,} rows in quarantine"
