"""What a recipe may say about features, per kind of column and per column."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Categorical", "Datetime", "Encode", "Impute", "Kind", "Numeric", "Override", "Scale", "TimePart"]

Kind = Literal["numeric", "categorical", "datetime"]
Impute = Literal["median", "mean", "constant", "none"]
Scale = Literal["none", "standard", "robust"]
Encode = Literal["ordinal", "onehot"]
TimePart = Literal["year", "month", "day", "dayofyear", "weekday", "hour", "minute"]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


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
    """standard: subtract the mean, divide by the deviation. robust: the median and the interquartile range."""


class Categorical(Options):
    """How categories become features."""

    encode: Encode = "ordinal"
    """ordinal: one code a category, which the model treats as a category. onehot: a 0/1 feature a category."""

    min_frequency: Share = 0.001
    """Categories rarer than this share of the training rows are grouped into one, as are unknown ones."""

    max_categories: Count = 200
    """Most categories kept; the rarest beyond it are grouped as well."""


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

    encode: Encode | None = None
    """As in ``categorical``."""

    min_frequency: Share | None = None
    """As in ``categorical``."""

    max_categories: Count | None = None
    """As in ``categorical``."""

    parts: tuple[TimePart, ...] | None = None
    """As in ``datetime``."""

    cyclic: bool | None = None
    """As in ``datetime``."""
