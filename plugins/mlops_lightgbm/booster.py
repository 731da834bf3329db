"""The model family LightGBM as a recipe describes it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.errors import MissingExtra
from mlops.formats.features import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.stage import Context

__all__ = ["LightGBM"]

Share = Annotated[float, Field(gt=0, le=1)]


class LightGBM(Estimator):
    """Gradient-boosted trees; ordinal features count as categories, missing values are taken as they are."""

    libraries: ClassVar[tuple[str, ...]] = ("lightgbm", "numpy", "onnx")
    extra: ClassVar[str] = "lightgbm"

    rounds: int = Field(default=300, ge=1)
    """Most trees (of each class, when multiclass)."""

    learning_rate: float = Field(default=0.1, gt=0)
    """How much each tree counts; a smaller rate needs more rounds."""

    early_stopping: int = Field(default=30, ge=0)
    """Stop when the validation loss has not improved for so many rounds, keep the best; 0 never stops."""

    num_leaves: int = Field(default=31, ge=2, le=131_072)
    """Most leaves of a tree; more fit finer and overfit sooner."""

    max_depth: int | None = Field(default=None, ge=1)
    """Deepest a tree may grow; no limit when not given."""

    min_data_in_leaf: int = Field(default=20, ge=1)
    """Fewest training rows in a leaf."""

    min_gain_to_split: float = Field(default=0.0, ge=0)
    """Least gain that a split must bring."""

    feature_fraction: Share = 1.0
    """Share of the features that each tree may use."""

    bagging_fraction: Share = 1.0
    """Share of the rows that each tree sees."""

    bagging_freq: int = Field(default=1, ge=1)
    """Draw those rows anew every so many rounds."""

    lambda_l1: float = Field(default=0.0, ge=0)
    """L1 regularisation of leaf values."""

    lambda_l2: float = Field(default=0.0, ge=0)
    """L2 regularisation of leaf values."""

    max_bin: int = Field(default=255, ge=2, le=65_535)
    """Most histogram bins of a feature; fewer are faster and coarser."""

    cat_smooth: float = Field(default=10.0, ge=0)
    """Smoothing of a category's statistics; more damps rare categories."""

    cat_l2: float = Field(default=10.0, ge=0)
    """L2 regularisation of splits on categories."""

    min_data_per_group: int = Field(default=100, ge=1)
    """Fewest training rows of a category that a split may single out."""

    class_weight: Literal["none", "balanced"] = "none"
    """balanced: all classes weigh the same, however many rows each has. Probabilities then shift."""

    loss: Literal["squared", "absolute", "huber"] = "squared"
    """What regression minimises; absolute and huber heed outliers less. No effect on classes."""

    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        """Fit on train rows; the number of trees is chosen on validation rows."""
        try:
            from mlops_lightgbm.fitting import fit
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "lightgbm", extra=self.extra) from exc
        return fit(self, prepared, context=context)
