"""What this project last saw of the registry: a file a model, for those who must not wait for MLflow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlops.durable import write_atomic
from mlops.services.registry import ModelVersion

__all__ = ["View"]


@dataclass(frozen=True)
class View:
    """``.mlops/registry/MODEL.json``; MLflow holds the truth, and every operation writes the view anew."""

    state: Path
    """The project's ``.mlops``."""

    uri: str | None
    """Registry whose view it is; that of another one is not read."""

    @property
    def registry(self) -> str:
        """Stands for the registry; an address may hold a password, so it is not kept itself."""
        return "local" if self.uri is None else hashlib.sha256(self.uri.encode()).hexdigest()[:12]

    def read(self, model: str) -> tuple[ModelVersion, ...]:
        """List the versions, the oldest first; none when nothing is known."""
        try:
            kept = json.loads(self.path(model).read_bytes())
            if kept["registry"] != self.registry:
                return ()
            return tuple(self._version(item) for item in kept["versions"])
        except (OSError, ValueError, KeyError, TypeError):  # nothing, or nothing of use: the next operation mends it
            return ()

    def is_current(self, model: str, versions: Iterable[ModelVersion]) -> bool:
        """Whether the view says just this."""
        path = self.path(model)
        return path.exists() and path.read_bytes() == self._content(versions)

    def write(self, model: str, versions: Iterable[ModelVersion]) -> None:
        """Keep what the registry says."""
        write_atomic(self.path(model), self._content(versions))

    def inside(self, folder: Path) -> str:
        """Name a folder so that the project may be moved: relative to ``.mlops`` where it lies inside."""
        absolute, state = folder.absolute(), self.state.absolute()
        return str(absolute.relative_to(state)) if absolute.is_relative_to(state) else str(absolute)

    def _content(self, versions: Iterable[ModelVersion]) -> bytes:
        kept = {"registry": self.registry, "versions": [self._plain(item) for item in versions]}
        return json.dumps(kept, indent=1, ensure_ascii=False).encode() + b"\n"

    def path(self, model: str) -> Path:
        """File that holds the view of a model."""
        return self.state / "registry" / f"{quote(model, safe='')}.json"

    def _plain(self, version: ModelVersion) -> dict[str, Any]:
        return {**version.to_json(), "folder": self.inside(version.folder)}

    def _version(self, kept: dict[str, Any]) -> ModelVersion:
        return ModelVersion(**{**kept, "folder": self.state / kept["folder"], "aliases": tuple(kept["aliases"])})
