"""Which version a deployment was given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Deployment"]


class Deployment(Artifact):
    """``deployment.json``: ``name``, ``target``, ``model``, ``version``, ``digest``."""

    format = "deployment"

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any]) -> Self:
        """Write what was deployed where."""
        write_json(folder / "deployment.json", dict(facts))
        return cls(folder)

    @property
    def facts(self) -> dict[str, Any]:
        """Name, target, model, version, digest."""
        return dict(self.read_json("deployment.json"))

    def summary(self) -> str:
        """Version and deployment."""
        facts = self.facts
        return f"{facts['model']} version {facts['version']} to {facts['name']} ({facts['target']})"
