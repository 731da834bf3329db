"""The stage that joins trained models into one."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from mlops import formats
from mlops.errors import MissingExtra
from mlops.stage import Context, Stage

__all__ = ["Blend"]


class Blend(Stage):
    """Join models that were trained on the same features: a weighted mean, chosen greedily on validation rows."""

    libraries: ClassVar[tuple[str, ...]] = ("polars", "numpy", "onnx")
    extra: ClassVar[str] = "onnx"

    rounds: Annotated[int, Field(ge=1, le=1000)] = 50
    """Most additions to the mean; a model may be added several times, and so counts more."""

    def run(self, prepared: formats.Prepared, *, context: Context, **models: formats.Model) -> formats.Model:
        """Choose weights, join the graphs and the predictions."""
        try:
            from mlops_ensemble.blending import blend
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "onnx", extra=self.extra) from exc
        return blend(self, prepared, models, context=context)
