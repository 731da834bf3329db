"""The stage that remembers what the data and the predictions looked like at training."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops import formats
from mlops.formats.profile import Profile as ProfileFormat
from mlops.stage import Context, Stage

__all__ = ["Profile"]


class Profile(Stage):
    """Profile the columns that the model takes, and what it predicts, for later windows to be compared with.

    It is exact (no sketch), so the same rows give the same bytes.
    """

    libraries: ClassVar[tuple[str, ...]] = ("polars", "numpy", "onnxruntime")

    columns_from: Literal["train", "validation", "test"] = "train"
    """Part whose rows the columns are described by."""

    predictions_from: Literal["train", "validation", "test"] = "test"
    """Part whose rows the model is asked about; rows it has learnt from would flatter it."""

    points: Annotated[int, Field(ge=10, le=5_000)] = 500
    """Points at which the distribution of a numeric column is kept."""

    top: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Values of a text column that are counted one by one; the rest is counted together."""

    max_rows: Annotated[int, Field(ge=1_000)] = 2_000_000
    """Most rows that are read of a part; of a longer one, evenly spaced ones."""

    def run(self, splits: formats.Splits, bundle: formats.Bundle, *, context: Context) -> ProfileFormat:
        """Describe both."""
        from mlops_whylogs.reference import describe

        return describe(self, splits, bundle, context=context)
