"""Fitted features as values: what both the Polars transform and the ONNX graph are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops.formats.features import Input
from mlops_features.blocks import FittedBlock
from mlops_features.means import Crossed
from mlops_features.options import Encode, TimePart
from mlops_features.pieces import Pieces
from mlops_features.power import Power

__all__ = ["PERIODS", "Category", "Cycle", "Plan", "Quantity", "Seat", "seats"]

PERIODS: Mapping[str, tuple[int, int]] = {
    "month": (1, 12),
    "day": (1, 31),
    "dayofyear": (1, 366),
    "weekday": (1, 7),
    "hour": (0, 24),
    "minute": (0, 60),
}
"""Part of a time → its first value and how many values make a full turn."""

Shape = Literal["line", "power", "pieces", "flags"]
SHAPES: tuple[Shape, ...] = ("line", "power", "pieces", "flags")
"""What a number goes through at the end, in the order in which features come."""


@dataclass(frozen=True)
class Quantity:
    """A number: a column, or one part of a time. In float32: clipped, filled, then brought into shape.

    line: (value − centre) × factor. power, pieces: that transformation. flags: pieces give the
    number of a bin, and there is a 0/1 feature for each name in ``flags``.
    """

    name: str
    column: str
    part: TimePart | None
    fill: float
    """What stands for a missing value; NaN leaves it missing."""

    indicator: bool
    centre: float = 0.0
    factor: float = 1.0
    clip: tuple[float, float] | None = None
    """Values outside are brought to these bounds; a fill is not."""

    power: Power | None = None
    pieces: Pieces | None = None
    flags: tuple[str, ...] = ()
    """Names of the 0/1 features of the bins, in order."""

    @property
    def shape(self) -> Shape:
        """What the number goes through at the end."""
        if self.power:
            return "power"
        if self.pieces:
            return "flags" if self.flags else "pieces"
        return "line"


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

    buckets: tuple[int, ...] = ()
    """Hashed: the bucket of each known category, which is its code instead of its place."""

    count: int = 0
    """Hashed: how many buckets there are; anything unknown is the code after the last."""

    numbers: tuple[tuple[float, ...], ...] = ()
    """Looked up: one row of float32 numbers a known category, and a last row for anything else."""

    columns: tuple[str, ...] = ()
    """Looked up: names of the features, one a number of a row."""

    @property
    def codes(self) -> tuple[int, ...]:
        """Code of each known category."""
        return self.buckets or tuple(range(len(self.known)))

    @property
    def other(self) -> int:
        """Code of anything that is not known."""
        return self.count if self.buckets else len(self.known)

    @property
    def width(self) -> int:
        """How many one-hot features there are."""
        return len(self.known) + int(self.rare)


@dataclass(frozen=True)
class Plan:
    """Fitted features. Their order: numbers, indicators, cycles (sine, cosine), lookups, codes, one-hot, bins.

    Numbers come in the order of their shapes.
    """

    inputs: tuple[Input, ...]
    """Columns that the graph takes for single features."""

    quantities: tuple[Quantity, ...]
    cycles: tuple[Cycle, ...]
    categories: tuple[Category, ...]
    example: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    """Features that are made on the way and then left out."""

    crossed: Mapping[str, Crossed] = field(default_factory=dict, compare=False)
    """Category → means for training rows, which the graph never sees."""

    blocks: tuple[FittedBlock, ...] = ()
    """Pictures and texts, whose features come after all others."""

    @property
    def ordered(self) -> tuple[Quantity, ...]:
        """Quantities by shape."""
        return tuple(sorted(self.quantities, key=lambda item: SHAPES.index(item.shape)))

    @property
    def numbers(self) -> tuple[Quantity, ...]:
        """Quantities that are one feature each."""
        return tuple(item for item in self.ordered if item.shape != "flags")

    @property
    def indicated(self) -> tuple[Quantity, ...]:
        """Quantities that have an indicator."""
        return tuple(item for item in self.ordered if item.indicator)

    @property
    def binned(self) -> tuple[Quantity, ...]:
        """Quantities that are 0/1 features of bins."""
        return tuple(item for item in self.ordered if item.shape == "flags")

    @property
    def lookups(self) -> tuple[Category, ...]:
        """Categories that are numbers from a table."""
        return tuple(item for item in self.categories if item.numbers)

    @property
    def codes(self) -> tuple[Category, ...]:
        """Categories that are one code each."""
        return tuple(item for item in self.categories if item.encode in ("ordinal", "hash"))

    @property
    def onehots(self) -> tuple[Category, ...]:
        """Categories that are 0/1 features."""
        return tuple(item for item in self.categories if item.encode == "onehot")

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of all features that are made, in order."""
        return tuple(seat.name for seat in seats(self))

    @property
    def tensors(self) -> tuple[Input, ...]:
        """Columns that the graph takes, those of blocks last."""
        return (*self.inputs, *(block.input() for block in self.blocks))

    @property
    def singles(self) -> tuple[str, ...]:
        """Names of the features that are columns of their own, in order."""
        return tuple(name for name in self.all_names if name not in self.left_out)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return (*self.singles, *(name for block in self.blocks for name in block.names))

    @property
    def coded(self) -> tuple[str, ...]:
        """Names of the features that are codes, not quantities."""
        return tuple(item.name for item in self.codes if item.name not in self.left_out)


WAVES: tuple[Literal["sin"], Literal["cos"]] = ("sin", "cos")


@dataclass(frozen=True)
class Seat:
    """One feature's place in the order, and what it is made from."""

    name: str
    column: str


def seats(plan: Plan) -> tuple[Seat, ...]:
    """List all features that a plan makes, in order, each with the column that it comes from."""
    return (
        *(Seat(item.name, item.column) for item in plan.numbers),
        *(Seat(f"{item.name}__missing", item.column) for item in plan.indicated),
        *(Seat(f"{item.name}__{wave}", item.column) for item in plan.cycles for wave in WAVES),
        *(Seat(name, item.name) for item in plan.lookups for name in item.columns),
        *(Seat(item.name, item.name) for item in plan.codes),
        *(Seat(name, item.name) for item in plan.onehots for name in onehot_names(item)),
        *(Seat(name, item.column) for item in plan.binned for name in item.flags),
    )


def onehot_names(item: Category) -> tuple[str, ...]:
    """Name the 0/1 features of a category."""
    from mlops.formats.inputs import NULL_CATEGORY

    shown = ("(null)" if value == NULL_CATEGORY else value for value in item.known)
    rare = ("(other)",) if item.rare else ()
    return tuple(f"{item.name}={value}" for value in (*shown, *rare))
