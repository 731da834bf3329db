"""The stage that fits features on the train part and prepares every part with them."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from pydantic import Field

from mlops import formats
from mlops.stage import Context, Stage
from mlops_features.image_options import Image
from mlops_features.options import Categorical, Datetime, Numeric, Override, Screening
from mlops_features.text_options import Text

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

    derive: dict[str, str] = Field(default={})
    """New columns by name, each an SQL expression over columns of the same row, as Polars reads SQL.

    They may use columns that are no features and those derived above them, never the target or
    the weight. From then on a derived column is treated like any other.
    """

    columns: tuple[str, ...] | None = None
    """Columns to use; all that have no role when not given.

    Besides names there are patterns: ``weather_*``, ``re:`` and a regular expression for the whole
    name, ``type:numeric``, ``type:categorical``, ``type:datetime`` and ``type:text`` (text and
    categories are columns of text; ``type:categorical`` also takes those of a categorical type).
    """

    drop: tuple[str, ...] = ()
    """Columns to leave out; patterns as in ``columns``."""

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

    text: Text = Text()
    """Choices for columns of text."""

    image: Image = Image()
    """Choices for columns of pictures: lists of numbers, or encoded files."""

    overrides: dict[str, Override] = Field(default={})
    """Choices for single columns, by name or by a pattern as in ``columns``.

    Of several patterns that fit a column the one written last has the last word, and the column's own name
    stands above all patterns.
    """

    select: Screening | None = None
    """Which fitted features to leave out; none when not given."""

    def run(self, splits: formats.Splits, *, context: Context) -> Made:
        """Fit on train rows, prepare all parts, compile the same to ONNX."""
        from mlops_features.making import make

        return Made(*make(self, splits, context=context))
