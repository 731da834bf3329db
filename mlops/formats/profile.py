"""What data and predictions looked like at training, to compare later ones with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Profile"]


class Profile(Artifact):
    """``profile.json``: ``rows``, ``columns`` and ``predictions``, each a list of exact descriptions."""

    format = "profile"

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any]) -> Self:
        """Write a profile."""
        write_json(folder / "profile.json", dict(facts))
        return cls(folder)

    @property
    def facts(self) -> dict[str, Any]:
        """Rows, columns, predictions, and which parts they were taken from."""
        return dict(self.read_json("profile.json"))

    def summary(self) -> str:
        """Rows, columns and predictions."""
        facts = self.facts
        return f"{len(facts['columns'])} columns of {facts['rows']:,} rows, {facts['predicted_rows']:,} predictions"
