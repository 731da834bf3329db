"""The model family of linear models as a recipe describes it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.errors import MissingExtra
from mlops.formats.features import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.stage import Context

__all__ = ["Linear"]

Strength = Annotated[float, Field(gt=0)]


class Linear(Estimator):
    """Logistic, multinomial or least-squares regression by task; ordinal features count as categories."""

    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn", "scipy", "numpy", "onnx")
    extra: ClassVar[str] = "sklearn"

    strength: Strength | None = None
    """How strongly weights are held small: the sum of the rows' losses plus strength × penalty is minimised.
    The best of ``path`` on validation rows when not given."""

    path: tuple[Strength, ...] = Field(default=(100.0, 10.0, 1.0, 0.1, 0.01), min_length=1)
    """Strengths to try when ``strength`` is not given."""

    penalty: Literal["l2", "l1", "elastic_net"] = "l2"
    """l2 shrinks all weights, l1 sets some to zero, elastic_net does both."""

    l1_ratio: float = Field(default=0.5, ge=0, le=1)
    """Share of l1 in ``elastic_net``."""

    max_iter: int = Field(default=200, ge=1)
    """Most steps of the solver."""

    class_weight: Literal["none", "balanced"] = "none"
    """balanced: all classes weigh the same, however many rows each has. Probabilities then shift."""

    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        """Fit on train rows; the strength is chosen on validation rows."""
        try:
            from mlops_sklearn.fitting import fit
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "scikit-learn", extra=self.extra) from exc
        return fit(self, prepared, context=context)
