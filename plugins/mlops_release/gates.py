"""The stage that decides whether a model may go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from mlops import formats
from mlops.formats.verdict import Verdict
from mlops.services.gate import Gate
from mlops.services.registry import CHAMPION, Registry
from mlops.stage import Context, Place, Stage, Traces

__all__ = ["MODEL_NAME", "Gates"]

MODEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
"""What a model may be called: it is part of file names and of addresses."""


class Gates(Stage):
    """Hold a model against rules before it is registered; a failed one that is enforced ends the run."""

    libraries: ClassVar[tuple[str, ...]] = ("numpy", "polars", "onnxruntime")

    rules: dict[str, Gate] = Field(default={})
    """The gates by name; each has a `mode`: off, warn or enforce."""

    model: Annotated[str | None, Field(pattern=MODEL_NAME)] = None
    """Name of the registered model whose champion must be beaten; the recipe's name when not given."""

    registry: Registry | None = None
    """Where the champion is found; usually ``${registry}``. Needed by gates that compare."""

    @model_validator(mode="after")
    def _has_a_registry_to_compare_with(self) -> Self:
        """Refuse a comparison with nothing."""
        if self.compares and self.registry is None:
            raise ValueError("has a gate that compares with the champion, so it needs `registry`: ${registry}")
        return self

    @property
    def compares(self) -> bool:
        """Whether any gate looks at the champion."""
        return any(gate.compares and gate.mode != "off" for gate in self.rules.values())

    def stands(self, made: Mapping[str, Any], place: Place) -> str:
        """Say whether another model is the champion now than the one of the verdict."""
        facts = made["verdict"].facts
        if not self.compares or self.registry is None:
            return ""
        name, before = self.model or place.recipe, facts["champion"]
        if facts["model"] != name:
            return f"the verdict compares with {facts['model']}, not with {name}"
        now = self.registry.holder(name, CHAMPION, place)
        if now is not None and now.digest in (facts["candidate"], (before or {}).get("digest")):
            return ""
        if now is None:
            return "" if before is None else f"version {before['version']} of {name} is no longer the champion"
        was = f", not version {before['version']}" if before else ""
        return f"the champion is version {now.version} of {name} now{was}"

    def traces(self, made: Mapping[str, Any], place: Place) -> Traces | None:
        """Name what shows that another model has become champion."""
        del made
        if not self.compares or self.registry is None:
            return Traces()
        return self.registry.traces(self.model or place.recipe, place)

    def run(
        self,
        bundle: formats.Bundle,
        splits: formats.Splits,
        evaluation: formats.Evaluation,
        *,
        context: Context,
    ) -> Verdict:
        """Ask every gate; end the run when one that is enforced fails."""
        from mlops_release.gating import judge

        return judge(self, bundle, splits, evaluation, context=context)
