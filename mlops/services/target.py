"""What a deployment target is: it brings versions of a model to those who ask for predictions."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from mlops.durable import write_atomic
from mlops.errors import ProjectError
from mlops.services.registry import ModelVersion
from mlops.stage import Part, Place, Traces

__all__ = ["Deployed", "Phase", "Served", "Strategy", "Target", "folder_of", "remember", "remembered"]

Phase = Literal["steady", "rolling", "aborted", "stopped", "failed"]
"""steady: shares are final; rolling: a strategy is at work; aborted: it went back; stopped; failed: not serving."""


@dataclass(frozen=True)
class Served:
    """One version inside a deployment."""

    model: str
    version: int
    digest: str
    bundle: str
    """Folder of the bundle, relative to the project's ``.mlops`` where it lies inside."""

    share: float = 1.0
    """Part of the requests, from 0 to 1, that it answers; the shares of a deployment add up to 1."""

    shadow: bool = False
    """Whether it only looks on: it is asked too, its answers are logged and never returned."""

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return dict(vars(self))


@dataclass(frozen=True)
class Deployed:
    """What is known of a deployment."""

    name: str
    target: str
    """Kind of target, such as local."""

    phase: Phase
    served: tuple[Served, ...] = ()
    url: str = ""
    note: str = ""
    """What a person should know: the step of a rollout, why it was aborted, what failed."""

    since: str = ""
    """ISO time in UTC of the last change of shares."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the target tells, such as pids, requests, errors."""

    @property
    def leading(self) -> Served | None:
        """The version that answers most; the older of two equal ones."""
        live = [item for item in self.served if not item.shadow]
        return max(live, key=lambda item: item.share) if live else None

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        plain = {**vars(self), "served": [item.to_json() for item in self.served]}
        return {**plain, "facts": dict(self.facts)}


class Strategy(Part, ABC):
    """How a version takes over from the one that serves; a target reads its keys and carries it out."""


class Target(Part, ABC):
    """Serves models. The engine and the stage ``deploy`` call it; whatever returns has taken effect.

    A rollout goes on by itself after `release` returned; `status` tells how far it is. `release` calls
    `remember`, so that the verbs find the target of a deployment by the deployment's name.
    """

    @abstractmethod
    def release(self, name: str, version: ModelVersion, strategy: Strategy, place: Place) -> Deployed:
        """Bring a version to a deployment by a strategy; the first version of a deployment takes all at once.

        A version that is being released or serves already is left as it is.

        Raises:
            ProjectError: the target cannot take it (a port in use, another signature, a bundle that fails).
        """

    @abstractmethod
    def status(self, name: str, place: Place) -> Deployed:
        """Tell how a deployment is; light.

        Raises:
            ProjectError: there is no such deployment; those that there are are named.
        """

    def traces(self, name: str, place: Place) -> Traces | None:  # noqa: ARG002 - for targets with files that tell
        """Name files and locks that show whether `status` may answer otherwise; None when there are none."""
        return None

    @abstractmethod
    def deployments(self, place: Place) -> tuple[str, ...]:
        """Name the deployments of this target; light."""

    @abstractmethod
    def rollback(self, name: str, place: Place, *, why: str) -> Deployed:
        """Give all requests back to the version that led before, and end any rollout.

        Raises:
            ProjectError: there is nothing to go back to.
        """

    @abstractmethod
    def stop(self, name: str, place: Place) -> Deployed:
        """End a deployment: requests in flight are answered first; its log is kept."""

    def resume(self, name: str, place: Place) -> Deployed:  # noqa: ARG002 - for those that can
        """Start a deployment that is not running, as it was declared; one that runs is left as it is.

        Raises:
            ProjectError: there is no such deployment, or this target never needs to.
        """
        raise ProjectError(f"the deployment {name!r} cannot be started without a version", fix="mlops deploy model=…")


def folder_of(name: str, place: Place) -> Path:
    """Folder in which a deployment keeps its declaration and its logs."""
    return place.state / "deployments" / name


def remember(name: str, target: Target, place: Place) -> None:
    """Write down which target a deployment has, and its keys; secrets are left out."""
    kept = {"_target_": f"{type(target).__module__}.{type(target).__qualname__}", **_open_keys(target)}
    write_atomic(folder_of(name, place) / "target.json", json.dumps(kept, indent=1).encode() + b"\n")


def _open_keys(part: Part) -> dict[str, Any]:
    secret = {key for key in type(part).model_fields if isinstance(getattr(part, key), SecretStr)}
    return part.model_dump(mode="json", exclude=secret)


def remembered(place: Place) -> dict[str, dict[str, Any]]:
    """Give deployment → its target as `remember` wrote it: ``_target_`` and keys; to be trusted as a recipe is."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((place.state / "deployments").glob("*/target.json")):
        try:
            kept = json.loads(path.read_bytes())
        except ValueError as exc:
            raise ProjectError(
                "what is known of a deployment cannot be read", where=str(path), fix="remove it"
            ) from exc
        if isinstance(kept, dict):
            found[path.parent.name] = kept
    return found
