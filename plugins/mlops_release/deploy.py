"""The stage that brings a registered version to those who ask for predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlops import formats
from mlops.errors import ProjectError
from mlops.formats.deployment import Deployment
from mlops.formats.registration import Registration
from mlops.services.duration import Seconds
from mlops.services.registry import Registry
from mlops.services.target import Strategy, Target
from mlops.stage import Context, Place, Stage, Traces
from mlops_release.gates import MODEL_NAME

__all__ = ["Deploy"]


class Deploy(Stage):
    """Release a registered version to a deployment; what leads it for good becomes the champion.

    A deployment that was rolled back, or that serves a newer version by now, is left as it is: going
    back is asked for by name (`mlops rollback`, or `older: deploy`), and so is trying again (`--force deploy`).
    """

    libraries: ClassVar[tuple[str, ...]] = ()

    name: Annotated[str | None, Field(pattern=MODEL_NAME)] = None
    """What the deployment is called; the model's name when not given."""

    target: Target
    """Where it runs; usually ``${target}``."""

    strategy: Strategy
    """How the version takes over from the one that serves; usually ``${strategy}``."""

    registry: Registry
    """Where the version is registered; usually ``${registry}``."""

    wait: Annotated[Seconds, Field(ge=0)] = 0.0
    """How long to wait for a rollout to end: seconds, or text such as 90s, 10m, 2h. It goes on by itself after that."""

    older: Literal["keep", "deploy"] = "keep"
    """What to do when a newer version of the model leads the deployment already: keep that one, or go back to this."""

    promotes: bool = True
    """Whether a version that leads this deployment becomes the champion; false for a place to try models out."""

    def stands(self, made: Mapping[str, Any], place: Place) -> str:
        """Say whether the deployment is gone, stands still, or serves another model."""
        facts = made["deployment"].facts
        name = facts["name"]
        try:
            now = self.target.status(name, place)
        except ProjectError:
            return f"there is no deployment {name}"
        if now.phase in ("stopped", "failed"):
            return f"the deployment {name} is {'stopped' if now.phase == 'stopped' else 'not serving'}"
        if now.leading is None:
            return f"the deployment {name} serves nothing"
        if now.leading.model != facts["model"]:
            return f"the deployment {name} serves the model {now.leading.model}"
        return ""

    def traces(self, made: Mapping[str, Any], place: Place) -> Traces | None:
        """Name what shows that the deployment has changed or ended."""
        return self.target.traces(made["deployment"].facts["name"], place)

    def run(self, registration: Registration, bundle: formats.Bundle, *, context: Context) -> Deployment:
        """Release, wait if asked to, and draw the consequences for the champion."""
        from mlops_release.deploying import deploy

        return deploy(self, registration, bundle, context=context)
