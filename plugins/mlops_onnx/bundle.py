"""The stage that joins features and model into one graph that can be shipped."""

from __future__ import annotations

from typing import ClassVar

from mlops import formats
from mlops.errors import MissingExtra
from mlops.stage import Context, Stage

__all__ = ["Bundle"]


class Bundle(Stage):
    """Join features and model into one ONNX graph with its signature; serving needs onnxruntime and Polars only."""

    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    extra: ClassVar[str] = "onnx"

    def run(self, features: formats.Features, model: formats.Model, *, context: Context) -> formats.Bundle:
        """Merge, name the outputs, check, run once."""
        try:
            from mlops_onnx.bundling import bundle
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "onnx", extra=self.extra) from exc
        return bundle(features, model, context=context)
