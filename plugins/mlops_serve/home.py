"""The folder of one local deployment: what lies where, and how its declaration is read and replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.durable import Lock, is_locked, locked, try_lock, write_atomic, write_hint
from mlops.errors import ProjectError
from mlops.services.target import folder_of
from mlops.stage import Place
from mlops_serve.declaration import Declaration

__all__ = ["Home"]


@dataclass(frozen=True)
class Home:
    """``.mlops/deployments/NAME``."""

    state: Path
    """The project's ``.mlops``."""

    name: str

    @classmethod
    def of(cls, name: str, place: Place) -> Home:
        """Name the folder of a deployment."""
        return cls(place.state, name)

    @property
    def folder(self) -> Path:
        """The folder."""
        return folder_of(self.name, Place(state=self.state))

    @property
    def declared(self) -> Path:
        """The file of versions and shares, which servers follow."""
        return self.folder / "deployment.json"

    @property
    def metrics(self) -> Path:
        """Folder in which each worker keeps its counts."""
        return self.folder / "metrics"

    @property
    def log(self) -> Path:
        """What supervisor and workers say."""
        return self.folder / "server.log"

    @property
    def life(self) -> Path:
        """Lock that the supervisor holds as long as it lives."""
        return self.folder / "life.lock"

    def is_running(self) -> bool:
        """Say whether a supervisor lives."""
        return is_locked(self.life)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Be the only one to change the declaration."""
        with locked(self.folder / "change.lock"):
            yield

    def try_changing(self) -> Lock | None:
        """The same without waiting, for the supervisor: whoever changes something waits for it."""
        return try_lock(self.folder / "change.lock")

    def read(self) -> Declaration | None:
        """Read the declaration; None when there is none.

        Raises:
            ProjectError: the file is damaged.
        """
        try:
            content = self.declared.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return Declaration.from_json(json.loads(content))
        except (ValueError, KeyError, TypeError) as exc:
            raise ProjectError(
                f"the declaration of the deployment {self.name!r} cannot be read",
                where=str(self.declared),
                fix="put it back from a copy, or remove it and deploy again",
            ) from exc

    def write(self, declaration: Declaration) -> None:
        """Replace the declaration; the caller holds `changing`."""
        write_atomic(self.declared, json.dumps(declaration.to_json(), indent=1).encode() + b"\n")

    def facts(self) -> dict[str, Any]:
        """What the supervisor last said of itself: pid, url, ready, applied, workers; empty when nothing."""
        try:
            found = json.loads((self.folder / "state.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def tell(self, facts: dict[str, Any]) -> None:
        """Say something of the supervisor."""
        write_hint(self.folder / "state.json", json.dumps(facts).encode() + b"\n")

    def tail(self, lines: int = 12) -> str:
        """Give the last lines of the log."""
        try:
            content = self.log.read_bytes()[-8192:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(content.splitlines()[-lines:])
