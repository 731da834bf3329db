"""A model packed for a serving system: a folder that the system's own tools can take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Package"]


class Package(Artifact):
    """``package.json`` (kind, name, tag, digest of the bundle, the command that serves it) and ``content/``."""

    format = "package"

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any]) -> Self:
        """Write what the package is; ``content/`` must be there."""
        write_json(folder / "package.json", dict(facts))
        return cls(folder)

    @property
    def content(self) -> Path:
        """Folder that the serving system takes."""
        return self.folder / "content"

    @property
    def facts(self) -> dict[str, Any]:
        """Kind, name, tag, digest, serve."""
        return dict(self.read_json("package.json"))

    def summary(self) -> str:
        """Kind and tag."""
        return f"{self.facts['kind']} {self.facts['tag']}"
