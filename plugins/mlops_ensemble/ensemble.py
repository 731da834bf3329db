"""The model family of several families joined, as a recipe describes it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from mlops.errors import MissingExtra
from mlops.formats.features import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.stage import Context

__all__ = ["Ensemble"]


class Ensemble(Estimator):
    """Fits each member and predicts their weighted mean, chosen greedily on validation rows."""

    libraries: ClassVar[tuple[str, ...]] = ("polars", "numpy", "onnx")
    extra: ClassVar[str] = "onnx"

    members: Annotated[tuple[Estimator, ...], Field(min_length=1)]
    """The families that are joined, each with its ``_target_`` and keys."""

    rounds: Annotated[int, Field(ge=1, le=1000)] = 50
    """Most additions to the mean; a member may be added several times, and so counts more."""

    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        """Fit the members one after another, and weigh them."""
        try:
            from mlops_ensemble.fitting import fit
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "onnx", extra=self.extra) from exc
        return fit(self, prepared, context=context)
