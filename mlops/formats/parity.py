"""Proof that a bundle predicts what its native model predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Parity"]


class Parity(Artifact):
    """``parity.json``: rows compared, largest difference, tolerance."""

    format = "parity"

    @classmethod
    def create(cls, folder: Path, facts: dict[str, Any]) -> Self:
        """Write what was compared and what was found."""
        write_json(folder / "parity.json", facts)
        return cls(folder)

    @property
    def facts(self) -> dict[str, Any]:
        """Rows, largest difference, tolerance."""
        return dict(self.read_json("parity.json"))

    def summary(self) -> str:
        """Largest difference over how many rows."""
        facts = self.facts
        return f"largest difference {facts['largest']:.2g} over {facts['rows']:,} rows"
