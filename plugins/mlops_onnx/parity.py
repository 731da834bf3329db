"""The stage that proves that the bundle gives what training gave: features and predictions."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mlops import formats
from mlops.errors import MissingExtra
from mlops.stage import Context, Stage

__all__ = ["Parity"]


class Parity(Stage):
    """Send the raw held-out rows through the bundle, in batches and one by one, and compare with training.

    Features are compared with the prepared ones, predictions with the native model's.
    """

    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "polars", "numpy")
    extra: ClassVar[str] = "onnx"

    tolerance: float = Field(default=1e-4, gt=0)
    """Largest difference allowed: of a probability, or of a value relative to its size (at least the mean size)."""

    feature_tolerance: float = Field(default=1e-4, gt=0)
    """Largest difference of a feature allowed, relative to its size (at least the mean size of that feature)."""

    single_rows: int = Field(default=200, ge=0)
    """How many test rows are scored one by one as well."""

    def run(
        self,
        bundle: formats.Bundle,
        model: formats.Model,
        splits: formats.Splits,
        prepared: formats.Prepared,
        *,
        context: Context,
    ) -> formats.Parity:
        """Compare; fail when any row differs by more than the tolerance."""
        try:
            from mlops_onnx.comparing import Training, compare
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "onnx", extra=self.extra) from exc
        return compare(self, bundle, Training(model, splits, prepared), context=context)
