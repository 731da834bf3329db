"""The stage that gives a bundle a name and a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlops import formats
from mlops.formats.registration import Registration
from mlops.formats.verdict import Verdict
from mlops.services.registry import Registry
from mlops.stage import Context, Place, Stage, Traces
from mlops_release.gates import MODEL_NAME

__all__ = ["Register"]


class Register(Stage):
    """Register a bundle that passed its gates as a version of a model."""

    libraries: ClassVar[tuple[str, ...]] = ()

    model: Annotated[str | None, Field(pattern=MODEL_NAME)] = None
    """What the model is called in the registry; the recipe's name when not given."""

    registry: Registry
    """Where it is registered; usually ``${registry}``."""

    promote: Literal["after_deployment", "at_once", "never"] = "after_deployment"
    """When it becomes the champion: once it leads a deployment, at once, or only by `mlops models promote`.

    Until it leads a deployment it is the challenger.
    """

    def stands(self, made: Mapping[str, Any], place: Place) -> str:
        """Say whether the version is gone from the registry."""
        facts = made["registration"].facts
        model = self.model or place.recipe
        if facts["model"] != model:
            return f"it was registered as {facts['model']}, not as {model}"
        known = self.registry.known(model, place)
        if known is None or any((item.version, item.digest) == (facts["version"], facts["digest"]) for item in known):
            return ""
        return f"version {facts['version']} of {model} is no longer registered"

    def traces(self, made: Mapping[str, Any], place: Place) -> Traces | None:
        """Name what shows that the version is gone."""
        del made
        return self.registry.traces(self.model or place.recipe, place)

    def run(
        self, bundle: formats.Bundle, verdict: Verdict, evaluation: formats.Evaluation, *, context: Context
    ) -> Registration:
        """Register; a bundle that is registered already keeps its number."""
        from mlops_release.registering import register

        return register(self, bundle, verdict, evaluation, context=context)
