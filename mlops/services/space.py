"""What may be searched: ranges of values, and the parameters that take them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "KINDS",
    "MARK",
    "Choice",
    "Int",
    "LogInt",
    "LogUniform",
    "Parameter",
    "Range",
    "Uniform",
    "active",
    "family",
    "is_mark",
]

MARK = "search"
"""The key that makes a mapping a range."""

_SIGNS = frozenset({"low", "high", "values"})


class Range(BaseModel):
    """What values one parameter may take."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def bounds(self) -> tuple[Any, ...]:
        """Give the values that show whether every value of the range is allowed."""
        raise NotImplementedError

    def middle(self) -> Any:
        """Give the value that stands for the range until one is found."""
        raise NotImplementedError

    def words(self) -> str:
        """Write the range as people read it."""
        raise NotImplementedError


class _Interval(Range):
    """From low to high, both included."""

    low: float
    high: float

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise PydanticCustomError("value_error", "low must be less than high")
        if self.search.startswith("log") and self.low <= 0:  # type: ignore[attr-defined] # each member has one
            raise PydanticCustomError("value_error", "low must be greater than 0 on a logarithmic scale")
        return self

    def bounds(self) -> tuple[Any, ...]:
        """Both ends."""
        return (self.low, self.high)

    def words(self) -> str:
        """Both ends."""
        return f"{self.low:g} – {self.high:g}"


class Uniform(_Interval):
    """A number; each is as likely as any other."""

    search: Literal["uniform"]
    """Any number from low to high."""

    def middle(self) -> float:
        """Half way."""
        return (self.low + self.high) / 2


class LogUniform(_Interval):
    """A number; each order of magnitude is as likely as any other."""

    search: Literal["loguniform"]
    """Any number from low to high, on a logarithmic scale."""

    def middle(self) -> float:
        """Half way on the logarithmic scale."""
        return math.sqrt(self.low * self.high)


class _Whole(_Interval):
    low: int
    high: int


class Int(_Whole):
    """A whole number; each is as likely as any other."""

    search: Literal["int"]
    """Any whole number from low to high."""

    def middle(self) -> int:
        """Half way, rounded down."""
        return (self.low + self.high) // 2


class LogInt(_Whole):
    """A whole number; each order of magnitude is as likely as any other."""

    search: Literal["logint"]
    """Any whole number from low to high, on a logarithmic scale."""

    def middle(self) -> int:
        """Half way on the logarithmic scale."""
        return round(math.sqrt(self.low * self.high))


class Choice(Range):
    """One of several values."""

    search: Literal["choice"]
    """One of the listed values."""

    values: list[Any] | dict[str, Any] = Field(min_length=1)
    """The values; as a mapping, each with the ranges that are searched when it is chosen."""

    @field_validator("values")
    @classmethod
    def _are_different(cls, values: list[Any] | dict[str, Any]) -> list[Any] | dict[str, Any]:
        if any(value in values[:index] for index, value in enumerate(values) if isinstance(values, list)):
            raise PydanticCustomError("value_error", "a value is listed twice")
        return values

    def bounds(self) -> tuple[Any, ...]:
        """Every value."""
        return tuple(self.values)

    def middle(self) -> Any:
        """The first."""
        return next(iter(self.values))

    def words(self) -> str:
        """Every value."""
        return ", ".join(str(value) for value in self.values)


KINDS: Mapping[str, type[Range]] = MappingProxyType(
    {"uniform": Uniform, "loguniform": LogUniform, "int": Int, "logint": LogInt, "choice": Choice}
)


def is_mark(value: Any) -> bool:
    """Tell a range from any other mapping."""
    if not isinstance(value, Mapping) or not isinstance(value.get(MARK), str):
        return False
    return value[MARK] in KINDS or bool(_SIGNS & set(value))


@dataclass(frozen=True)
class Parameter:
    """One searched key of a recipe."""

    key: str
    """Dotted; the name of a config group when whole sections are chosen."""

    range: Range
    when: tuple[str, Any] | None = None
    """(key, value) of the choice below which it is searched; always when None."""

    group: bool = False
    """Whether its values are choices of a config group."""

    @property
    def name(self) -> str:
        """What tells it from every other parameter; one key may have a range in each of several choices."""
        return self.key if self.when is None else f"{self.key} ({self.when[0]}={self.when[1]})"

    def to_json(self) -> dict[str, Any]:
        """Give what defines it."""
        when = list(self.when) if self.when else None
        return {"key": self.key, "range": self.range.model_dump(mode="json"), "when": when, "group": self.group}


def active(space: Sequence[Parameter], values: Mapping[str, Any]) -> list[Parameter]:
    """List the parameters that have a say, given the values chosen so far, those above first."""
    found: list[Parameter] = []
    for parameter in space:
        keys = {item.key for item in found}
        if parameter.when is None or (parameter.when[0] in keys and values.get(parameter.when[0]) == parameter.when[1]):
            found.append(parameter)
    return found


def family(space: Sequence[Parameter], values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give the choices of config groups: only trials that share them learn in comparable steps."""
    return tuple(values.get(parameter.key) for parameter in space if parameter.group)
