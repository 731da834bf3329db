"""The stage that proves that the bundle predicts what the native model predicts."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mlops import formats
from mlops.stage import Context, Stage

__all__ = ["Parity"]


class Parity(Stage):
    """Score the raw held-out rows with the bundle, in a batch and one by one, and compare with the native model."""

    libraries: ClassVar[tuple[str, ...]] = ("onnxruntime", "polars", "numpy")

    tolerance: float = Field(default=1e-4, gt=0)
    """Largest difference allowed: of a probability, or of a value relative to its size (at least the mean size)."""

    single_rows: int = Field(default=200, ge=0)
    """How many test rows are scored one by one as well."""

    def run(
        self, bundle: formats.Bundle, model: formats.Model, splits: formats.Splits, *, context: Context
    ) -> formats.Parity:
        """Compare; fail when any row differs by more than the tolerance."""
        from mlops_onnx.comparing import compare

        return compare(self, bundle, model, splits, context=context)
