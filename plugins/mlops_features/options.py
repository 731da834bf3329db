"""What a recipe may say about features, per kind of column and per column."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = [
    "Binned",
    "Categorical",
    "Datetime",
    "Encode",
    "Impute",
    "Kind",
    "Numeric",
    "Override",
    "Scale",
    "Screening",
    "TimePart",
]

Kind = Literal["numeric", "categorical", "datetime", "text", "image"]
Impute = Literal["median", "mean", "constant", "none"]
Scale = Literal["none", "standard", "robust", "quantile", "normal", "power"]
Binning = Literal["quantile", "width"]
Binned = Literal["ordinal", "onehot"]
Encode = Literal["ordinal", "onehot", "target", "hash", "frequency"]
TimePart = Literal["year", "month", "day", "dayofyear", "weekday", "hour", "minute"]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Level = Annotated[float, Field(ge=0, le=1)]


def _rising(levels: tuple[float, float]) -> tuple[float, float]:
    if levels[0] >= levels[1]:
        raise PydanticCustomError("not_rising", "the first share must be below the second, such as [0.01, 0.99]")
    return levels


def _no_single_bin(bins: int) -> int:
    if bins == 1:
        raise PydanticCustomError("one_bin", "one bin says nothing: give 2 or more, or 0 for none")
    return bins


Levels = Annotated[tuple[Level, Level], AfterValidator(_rising)]
Bins = Annotated[int, Field(ge=0, le=1000), AfterValidator(_no_single_bin)]
Knots = Annotated[int, Field(ge=2, le=10_000)]
Strength = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Folds = Annotated[int, Field(ge=2, le=100)]


class Options(BaseModel):
    """Frozen and strict, like every section."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Numeric(Options):
    """How numbers (and true/false) become features."""

    impute: Impute = "median"
    """What stands for a missing value; ``none`` leaves it missing, which only some models take."""

    fill: float = 0.0
    """The value used by ``impute: constant``."""

    indicator: bool = True
    """Add a 0/1 feature saying that the value was missing, where training rows miss values and they are imputed."""

    scale: Scale = "standard"
    """standard: subtract the mean, divide by the deviation. robust: the median and the interquartile range.

    quantile: the share of training rows below the value, 0 to 1. normal: the normal score of that
    share. power: the Yeo-Johnson transformation that makes the training rows most nearly normal,
    then standard. none: as it is.
    """

    quantiles: Knots = 256
    """How many quantiles ``scale: quantile`` and ``scale: normal`` remember; between two they draw a line."""

    clip: Levels | None = None
    """Bring values outside these quantiles of the training rows to them, such as [0.01, 0.99], before anything else."""

    bins: Bins = 0
    """Cut the number into so many bins instead of scaling it; 0 does not. Equal edges are merged into fewer bins."""

    binning: Binning = "quantile"
    """quantile: bins with about as many training rows each. width: bins of one width over the training range."""

    binned: Binned = "ordinal"
    """ordinal: the bin's number from 0, an ordered quantity. onehot: a 0/1 feature a bin."""


class Categorical(Options):
    """How categories become features."""

    encode: Encode = "ordinal"
    """ordinal: one code a category, which the model treats as a category. onehot: a 0/1 feature a category.

    target: the mean of the target among the training rows of the category, drawn towards the mean
    of all rows (one such feature a class when there are more than two). Training rows get it from
    the folds they are not in, so that no row sees its own target. frequency: the category's share
    of the training rows. hash: the number of one of ``buckets`` buckets, which the model treats as
    a category. These three keep the 100,000 most frequent categories. A category that training
    never saw gets the mean of all rows, a share of 0, or a bucket of its own after the last: the
    buckets of the categories seen are stored when fitting, for the shipped graph cannot hash text.
    """

    min_frequency: Share = 0.001
    """Categories rarer than this share of the training rows are grouped into one, as are unknown ones (ordinal and
    onehot only)."""

    max_categories: Count = 200
    """Most categories kept; the rarest beyond it are grouped as well (ordinal and onehot only)."""

    smoothing: Strength = 10.0
    """``encode: target``: how many rows of the mean of all rows are added to each category (total weight, if weighed).
    """

    folds: Folds = 5
    """``encode: target``: how many folds the training rows are divided into."""

    buckets: Count = 64
    """``encode: hash``: how many buckets the categories seen in training share."""


class Datetime(Options):
    """How dates and times become features; all parts are in UTC."""

    parts: tuple[TimePart, ...] = ("month", "day", "weekday", "hour")
    """Parts of the time to use; weekday 1 is Monday."""

    cyclic: bool = False
    """Give each part but the year as sine and cosine, so that December lies next to January."""


class Override(Options):
    """Choices for one column; what is not said stays as the column's kind has it."""

    kind: Kind | None = None
    """Treat the column as this kind, whatever its type; a number can be a category."""

    impute: Impute | None = None
    """As in ``numeric``."""

    fill: float | None = None
    """As in ``numeric``."""

    indicator: bool | None = None
    """As in ``numeric``."""

    scale: Scale | None = None
    """As in ``numeric``; it also applies to the parts of a time."""

    quantiles: Knots | None = None
    """As in ``numeric``."""

    clip: Levels | None = None
    """As in ``numeric``."""

    bins: Bins | None = None
    """As in ``numeric``; 0 takes bins that ``numeric`` has away."""

    binning: Binning | None = None
    """As in ``numeric``."""

    binned: Binned | None = None
    """As in ``numeric``."""

    encode: Encode | None = None
    """As in ``categorical``."""

    min_frequency: Share | None = None
    """As in ``categorical``."""

    max_categories: Count | None = None
    """As in ``categorical``."""

    smoothing: Strength | None = None
    """As in ``categorical``."""

    folds: Folds | None = None
    """As in ``categorical``."""

    buckets: Count | None = None
    """As in ``categorical``."""

    parts: tuple[TimePart, ...] | None = None
    """As in ``datetime``."""

    cyclic: bool | None = None
    """As in ``datetime``."""


class Screening(Options):
    """Which features are left out after fitting, judged on training rows alone."""

    drop_constant: bool = True
    """Leave features out that have one value in all training rows."""

    max_correlation: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of two features whose correlation is above this in size, leave the later one out; 0.98 is a good start.

    It is measured on at most 100,000 training rows, evenly spaced.
    """

    top: Count | None = None
    """Keep so many of the features that tell most about the target; all when not given."""

    by: Literal["mutual_information"] = "mutual_information"
    """How ``top`` measures what a feature tells about the target, on at most 100,000 training rows, evenly spaced."""
