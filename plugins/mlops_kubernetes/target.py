"""The deployment target ``kubernetes``: manifests for a cluster, written where a person or a pipeline applies them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mlops.durable import make_folder, write_atomic
from mlops.errors import ProjectError
from mlops.services.pins import pin
from mlops.services.registry import ModelVersion
from mlops.services.target import Deployed, Served, Strategy, Target, folder_of, remember
from mlops.stage import Place

__all__ = ["Autoscaling", "Kubernetes"]


class Autoscaling(BaseModel):
    """How many copies of a version run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Annotated[int, Field(ge=1)] = 2
    """Fewest copies; with one, a node that goes down takes the model with it."""

    max: Annotated[int, Field(ge=1)] = 10
    """Most copies."""

    cpu: Annotated[int, Field(ge=1, le=100)] = 70
    """Share of the requested CPU, in percent, that is aimed at."""


class Kubernetes(Target):
    """Render Deployment, Service, HorizontalPodAutoscaler and a Gateway API HTTPRoute for each version.

    Nothing is sent to a cluster: ``kubectl apply -f FOLDER`` does that. A rollout is a sequence of routes, one a
    file, each with other weights; apply the next one when the last has proved itself.
    """

    libraries: ClassVar[tuple[str, ...]] = ()

    image: Annotated[str, Field(min_length=1, examples=["registry.example.com/flights"])]
    """Name of the image made from the package, without a tag; the tag is the version."""

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]+(-+[a-z0-9]+)*$")] = "default"
    """Namespace of everything."""

    gateway: Annotated[str, Field(pattern=r"^[a-z0-9]+(-+[a-z0-9]+)*$")] = "gateway"
    """Name of the Gateway that the route is attached to."""

    hostnames: tuple[Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9]+([-.]+[a-z0-9]+)*$")], ...] = ()
    """Host names that are routed here; any, when empty."""

    port: Annotated[int, Field(ge=1, le=65535)] = 3000
    """Port on which the container listens."""

    cpu: Annotated[str, Field(pattern=r"^\d+m?$")] = "500m"
    """CPU that each copy asks for."""

    memory: Annotated[str, Field(pattern=r"^\d+(Mi|Gi)$")] = "512Mi"
    """Memory that each copy asks for, and may use at most."""

    api_key_secret: str | None = Field(default=None, pattern=r"^[a-z0-9]+(-+[a-z0-9]+)*$")
    """Name of a Secret whose key ``api-key`` the service asks its callers for; the value is never written here."""

    extra_columns: tuple[str, ...] = ()
    """Columns beside the model's that a row may have; they are logged, and not used to predict."""

    autoscaling: Autoscaling = Autoscaling()
    """How many copies of a version run."""

    def release(self, name: str, version: ModelVersion, strategy: Strategy, place: Place) -> Deployed:
        """Write the manifests of a version, and of each step by which it takes over."""
        from mlops_kubernetes.rendering import render

        remember(name, self, place)
        folder = folder_of(name, place) / "kubernetes"
        state = _state(folder)
        served = Served(version.model, version.version, version.digest, str(version.folder))
        if state and state["served"][-1]["digest"] == version.digest:
            return self.status(name, place)
        former = Served(**state["served"][-1]) if state else None
        make_folder(folder)
        for file, text in render(self, name, served, former=former, steps=_steps(strategy)).items():
            make_folder((folder / file).parent)
            write_atomic(folder / file, text.encode())
        versions = [*([former] if former else []), served]
        _keep(folder, versions)
        pin(place.state, f"deployment/{name}", [item.digest for item in versions])
        return self.status(name, place)

    def status(self, name: str, place: Place) -> Deployed:
        """Tell which version the manifests lead to; the cluster is not asked."""
        folder = folder_of(name, place) / "kubernetes"
        state = _state(folder)
        if state is None:
            known = ", ".join(self.deployments(place)) or "there is none"
            raise ProjectError(f"there is no deployment {name!r} for kubernetes", fix=f"deployments: {known}")
        leading = Served(**state["served"][-1])
        note = f"apply with: kubectl apply -f {folder}"
        return Deployed(name, "kubernetes", "steady", (leading,), "", note, "", {"folder": str(folder)})

    def deployments(self, place: Place) -> tuple[str, ...]:
        """Name those with manifests."""
        found = (place.state / "deployments").glob("*/kubernetes/state.json")
        return tuple(sorted(path.parent.parent.name for path in found))

    def rollback(self, name: str, place: Place, *, why: str) -> Deployed:  # noqa: ARG002 - the audit log holds it
        """Write a route that gives everything back to the version before."""
        from mlops_kubernetes.rendering import route

        folder = folder_of(name, place) / "kubernetes"
        state = _state(folder)
        if state is None or len(state["served"]) < 2:  # noqa: PLR2004 - this one and the one before
            raise ProjectError(f"the deployment {name} has no version before this one", fix="deploy another version")
        former, latest = (Served(**item) for item in state["served"][-2:])
        write_atomic(folder / "route.yaml", route(self, name, [(former, 100), (latest, 0)]).encode())
        _keep(folder, [latest, former])
        return self.status(name, place)

    def stop(self, name: str, place: Place) -> Deployed:
        """Say how the cluster forgets it; the manifests stay."""
        found = self.status(name, place)
        folder = found.facts["folder"]
        return Deployed(name, "kubernetes", "stopped", found.served, "", f"kubectl delete -f {folder}", "", found.facts)


def _steps(strategy: Strategy) -> Sequence[float]:
    """Read the shares of a canary; any other strategy takes over at once."""
    steps: Any = getattr(strategy, "steps", (1.0,))
    return tuple(float(step) for step in steps)


def _state(folder: Path) -> dict[str, Any] | None:
    path = folder / "state.json"
    return dict(json.loads(path.read_bytes())) if path.exists() else None


def _keep(folder: Path, served: Sequence[Served]) -> None:
    plain = {"served": [item.to_json() for item in served]}
    write_atomic(folder / "state.json", json.dumps(plain, indent=1).encode() + b"\n")
