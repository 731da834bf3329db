"""The stage that fits features on the train part and prepares every part with them."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from pydantic import Field

from mlops import formats
from mlops.stage import Context, Stage
from mlops_features.options import Categorical, Datetime, Numeric, Override

__all__ = ["Features", "Made"]


class Made(NamedTuple):
    """What the stage makes."""

    features: formats.Features
    prepared: formats.Prepared


class Features(Stage):
    """Turn columns into model inputs: impute, scale, encode, take times apart; learnt on train rows only.

    Columns that have a role (target, id, group, weight, time) are never features.
    """

    libraries: ClassVar[tuple[str, ...]] = ("polars", "onnx")
    extra: ClassVar[str] = "onnx"

    columns: tuple[str, ...] | None = None
    """Columns to use; all that have no role when not given."""

    drop: tuple[str, ...] = ()
    """Columns to leave out."""

    use_time: bool = False
    """Use the column that orders the rows in time as a feature too."""

    positive: str | int | float | bool | None = None
    """Binary targets: the label whose probability is meant; the last in sorted order when not given."""

    numeric: Numeric = Numeric()
    """Choices for numbers."""

    categorical: Categorical = Categorical()
    """Choices for categories."""

    datetime: Datetime = Datetime()
    """Choices for dates and times."""

    overrides: dict[str, Override] = Field(default={})
    """Choices for single columns, by name."""

    def run(self, splits: formats.Splits, *, context: Context) -> Made:
        """Fit on train rows, prepare all parts, compile the same to ONNX."""
        from mlops_features.making import make

        return Made(*make(self, splits, context=context))
