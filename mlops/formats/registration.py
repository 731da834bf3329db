"""Under which name and number a bundle is registered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Registration"]


class Registration(Artifact):
    """``registration.json``: ``model``, ``version``, ``digest`` (of the bundle) and ``alias``."""

    format = "registration"

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any]) -> Self:
        """Write name and number."""
        write_json(folder / "registration.json", dict(facts))
        return cls(folder)

    @property
    def facts(self) -> dict[str, Any]:
        """Model, version, digest, alias."""
        return dict(self.read_json("registration.json"))

    def summary(self) -> str:
        """Name, number and alias."""
        facts = self.facts
        return f"{facts['model']} version {facts['version']}" + (f", {facts['alias']}" if facts["alias"] else "")
