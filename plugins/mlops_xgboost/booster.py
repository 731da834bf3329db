"""The model family XGBoost as a recipe describes it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.errors import MissingExtra
from mlops.formats.features import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.stage import Choice, Context, Machine

__all__ = ["XGBoost"]

Share = Annotated[float, Field(gt=0, le=1)]


class XGBoost(Estimator):
    """Gradient-boosted trees; ordinal features count as categories, missing values are taken as they are."""

    libraries: ClassVar[tuple[str, ...]] = ("xgboost-cpu|xgboost", "numpy", "onnx")
    extra: ClassVar[str] = "xgboost"

    rounds: int = Field(default=300, ge=1)
    """Most trees (of each class, when multiclass)."""

    learning_rate: float = Field(default=0.1, gt=0, le=1)
    """How much each tree counts; a smaller rate needs more rounds."""

    early_stopping: int = Field(default=30, ge=0)
    """Stop when the validation loss has not improved for so many rounds, keep the best; 0 never stops."""

    max_depth: int = Field(default=6, ge=1, le=32)
    """Deepest a tree may grow; deeper fits finer and overfits sooner."""

    min_child_weight: float = Field(default=1.0, ge=0)
    """Least sum of the loss's second derivatives in a leaf; rows, for squared loss."""

    gamma: float = Field(default=0.0, ge=0)
    """Least gain that a split must bring."""

    subsample: Share = 1.0
    """Share of the rows that each tree sees."""

    colsample_bytree: Share = 1.0
    """Share of the features that each tree may use."""

    reg_alpha: float = Field(default=0.0, ge=0)
    """L1 regularisation of leaf values."""

    reg_lambda: float = Field(default=1.0, ge=0)
    """L2 regularisation of leaf values."""

    max_bin: int = Field(default=256, ge=2, le=65_535)
    """Most histogram bins of a feature; fewer are faster and coarser."""

    max_cat_to_onehot: int = Field(default=4, ge=1)
    """A feature with fewer categories is split one category against the others, one with more into two groups."""

    max_cat_threshold: int = Field(default=64, ge=1)
    """Most categories that a split into two groups may single out; fewer overfit less."""

    class_weight: Literal["none", "balanced"] = "none"
    """balanced: all classes weigh the same, however many rows each has. Probabilities then shift."""

    loss: Literal["squared", "absolute", "huber"] = "squared"
    """What regression minimises; absolute and huber heed outliers less. No effect on classes."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where trees grow; auto takes a GPU where there is one and the installed XGBoost can use it."""

    def resolve(self, machine: Machine) -> tuple[Choice, ...]:
        """Say where trees will grow."""
        if self.device == "cuda" and not machine.gpus:
            return (Choice("device", "cuda", "there is no GPU here", fix="set model.device: auto"),)
        if self.device != "auto":
            return ()
        if not machine.gpus:
            return (Choice("device", "cpu", "no GPU here"),)
        if not _built_for_gpus():
            return (Choice("device", "cpu", "the package xgboost-cpu cannot use a GPU (pip install xgboost can)"),)
        return (Choice("device", "cuda", machine.gpus[0].name),)

    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        """Fit on train rows; the number of trees is chosen on validation rows."""
        try:
            from mlops_xgboost.fitting import fit
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "xgboost", extra=self.extra) from exc
        return fit(self, prepared, context=context)


def _built_for_gpus() -> bool:
    """Whether the distribution with GPU code is installed; read from its metadata, as its import is heavy."""
    from importlib import metadata

    try:
        metadata.version("xgboost")
    except metadata.PackageNotFoundError:
        return False
    return True
