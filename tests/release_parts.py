"""A gate, a registry and a target as a user would write them: each keeps its state in one JSON file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops.durable import locked, write_atomic
from mlops.errors import ProjectError
from mlops.services.gate import Evidence, Finding, Gate
from mlops.services.registry import ModelVersion, NewVersion, Registry
from mlops.services.target import Deployed, Phase, Served, Strategy, Target, folder_of
from mlops.stage import Place


class FewColumns(Gate):
    """A model must not need too many columns."""

    most: int = 100
    """Largest number of columns that passes."""

    def judge(self, evidence: Evidence) -> Finding:
        """Count them."""
        count = len(evidence.bundle.signature["inputs"])
        return Finding(count <= self.most, f"it needs {count} columns, asked is at most {self.most}", float(count))


class JsonRegistry(Registry):
    """A registry in a file."""

    def register(self, new: NewVersion, place: Place) -> ModelVersion:
        """Append a version."""
        with locked(place.state / "models.lock"):
            there = self.versions(new.model, place)
            for version in there:
                if version.digest == new.digest:
                    return version
            known: dict[str, Any] = {name: getattr(new, name) for name in ("run", "recipe", "metrics", "facts")}
            now = datetime.now(UTC).isoformat()
            made = ModelVersion(new.model, len(there) + 1, new.digest, new.folder, now, **known)
            self._keep(new.model, (*there, made), place)
            return made

    def models(self, place: Place) -> tuple[str, ...]:
        """Name all models."""
        return tuple(sorted(self._all(place)))

    def versions(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        """List versions."""
        kept = self._all(place).get(model, [])
        return tuple(
            ModelVersion(**{**item, "folder": Path(item["folder"]), "aliases": tuple(item["aliases"])}) for item in kept
        )

    def point(self, model: str, alias: str, *, version: int | None, place: Place) -> None:
        """Move an alias."""
        with locked(place.state / "models.lock"):
            there = self.versions(model, place)
            if version is not None and version not in [item.version for item in there]:
                raise ProjectError(f"the model {model!r} has no version {version}")
            moved = [
                replace(
                    item,
                    aliases=tuple(
                        sorted({*item.aliases, alias} if item.version == version else {*item.aliases} - {alias})
                    ),
                )
                for item in there
            ]
            self._keep(model, tuple(moved), place)

    def holder(self, model: str, alias: str, place: Place) -> ModelVersion | None:
        """Look an alias up."""
        return next((item for item in self.versions(model, place) if alias in item.aliases), None)

    def known(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        """The file is quick to read."""
        return self.versions(model, place)

    def _all(self, place: Place) -> dict[str, Any]:
        path = place.state / "models.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def _keep(self, model: str, versions: tuple[ModelVersion, ...], place: Place) -> None:
        kept = {**self._all(place), model: [item.to_json() for item in versions]}
        write_atomic(place.state / "models.json", json.dumps(kept).encode())


class AtOnce(Strategy):
    """The rollout ends at once, as it is told."""

    ends: str = "steady"
    """Phase that the rollout ends in."""


class FileTarget(Target):
    """A deployment that is a file."""

    def release(self, name: str, version: ModelVersion, strategy: Strategy, place: Place) -> Deployed:
        """Take the version, or go back."""
        phase: Phase = getattr(strategy, "ends", "steady")
        item = Served(version.model, version.version, version.digest, str(version.folder))
        before = self._kept(name, place)
        served = before["served"] if phase == "aborted" and before else [item.to_json()]
        note = "too many errors" if phase == "aborted" else ""
        return self._keep(name, place, {"phase": phase, "served": served, "note": note})

    def status(self, name: str, place: Place) -> Deployed:
        """Read the file."""
        kept = self._kept(name, place)
        if not kept:
            raise ProjectError(f"there is no deployment {name!r}")
        served = tuple(Served(**item) for item in kept["served"])
        return Deployed(name, "file", kept["phase"], served, note=kept["note"])

    def deployments(self, place: Place) -> tuple[str, ...]:
        """Name the files."""
        return tuple(sorted(path.parent.name for path in folder_of("x", place).parent.glob("*/file.json")))

    def rollback(self, name: str, place: Place, *, why: str) -> Deployed:
        """There is no way back."""
        raise ProjectError(f"{name} has nothing to go back to ({why})")

    def stop(self, name: str, place: Place) -> Deployed:
        """Say so in the file."""
        return self._keep(name, place, {**self._kept(name, place), "phase": "stopped"})

    def _kept(self, name: str, place: Place) -> dict[str, Any]:
        path = folder_of(name, place) / "file.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def _keep(self, name: str, place: Place, kept: dict[str, Any]) -> Deployed:
        write_atomic(folder_of(name, place) / "file.json", json.dumps(kept).encode())
        return self.status(name, place)
