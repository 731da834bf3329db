"""Fitted features as values: what both the Polars transform and the ONNX graph are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops.formats.features import Input
from mlops_features.options import Encode, TimePart

__all__ = ["PERIODS", "Category", "Cycle", "Plan", "Quantity"]

PERIODS: Mapping[str, tuple[int, int]] = {
    "month": (1, 12),
    "day": (1, 31),
    "dayofyear": (1, 366),
    "weekday": (1, 7),
    "hour": (0, 24),
    "minute": (0, 60),
}
"""Part of a time → its first value and how many values make a full turn."""


@dataclass(frozen=True)
class Quantity:
    """A number: a column, or one part of a time. The feature is (value or fill − centre) × factor, in float32."""

    name: str
    column: str
    part: TimePart | None
    fill: float
    """What stands for a missing value; NaN leaves it missing."""

    indicator: bool
    centre: float
    factor: float


@dataclass(frozen=True)
class Cycle:
    """One part of a time as a point on a circle; a missing time is the circle's middle."""

    name: str
    column: str
    part: TimePart


@dataclass(frozen=True)
class Category:
    """A category; its code is its place in ``known``, anything else is the code after the last."""

    name: str
    encode: Encode
    known: tuple[str, ...]
    rare: bool
    """Training rows hold categories that were grouped, so the group gets a feature when one-hot."""

    @property
    def width(self) -> int:
        """How many one-hot features there are."""
        return len(self.known) + int(self.rare)


@dataclass(frozen=True)
class Plan:
    """Fitted features. Their order: quantities, indicators, cycles (sine, cosine), codes, one-hot."""

    inputs: tuple[Input, ...]
    quantities: tuple[Quantity, ...]
    cycles: tuple[Cycle, ...]
    categories: tuple[Category, ...]
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def indicated(self) -> tuple[Quantity, ...]:
        """Quantities that have an indicator."""
        return tuple(item for item in self.quantities if item.indicator)

    @property
    def codes(self) -> tuple[Category, ...]:
        """Categories that are one code each."""
        return tuple(item for item in self.categories if item.encode == "ordinal")

    @property
    def onehots(self) -> tuple[Category, ...]:
        """Categories that are 0/1 features."""
        return tuple(item for item in self.categories if item.encode == "onehot")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return (
            *(item.name for item in self.quantities),
            *(f"{item.name}__missing" for item in self.indicated),
            *(f"{item.name}__{wave}" for item in self.cycles for wave in WAVES),
            *(item.name for item in self.codes),
            *(name for item in self.onehots for name in onehot_names(item)),
        )


WAVES: tuple[Literal["sin"], Literal["cos"]] = ("sin", "cos")


def onehot_names(item: Category) -> tuple[str, ...]:
    """Name the 0/1 features of a category."""
    from mlops.formats.inputs import NULL_CATEGORY

    shown = ("(null)" if value == NULL_CATEGORY else value for value in item.known)
    rare = ("(other)",) if item.rare else ()
    return tuple(f"{item.name}={value}" for value in (*shown, *rare))
