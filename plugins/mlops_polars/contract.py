"""What a contract may say of a table: the sections under ``validate``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from mlops.formats.expectation import Otherwise
from mlops_polars.fields import Duration, Expression, Flag, Moment, Severity, TypeName, Whole

__all__ = ["Bound", "Column", "Freshness", "Rows", "Rule", "Value"]

Value = Annotated[bool, Strict()] | Annotated[int, Strict()] | Annotated[float, Strict()] | str
Bound = Annotated[int, Strict()] | Annotated[float, Strict()] | str

TableSeverity = Literal["fail", "warn"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Section):
    """What must hold for one column. A null is judged by `nullable` alone: every other rule lets it pass."""

    type: TypeName | None = None
    """Type the column must have."""

    nullable: Flag = True
    """Whether values may be missing."""

    required: Flag = True
    """Whether the column must be there."""

    allowed: tuple[Value, ...] | None = Field(default=None, min_length=1)
    """The only values it may hold."""

    regex: str | None = None
    """Pattern (Rust syntax) that each whole value must match."""

    min: Bound | None = None
    """Smallest value it may hold: a number, an ISO date or datetime, or a text."""

    max: Bound | None = None
    """Largest value it may hold."""

    unique: Flag = False
    """Whether no value may occur twice; the first of equal values is kept."""

    severity: Severity | None = None
    """What happens when one of these rules is broken; the contract's `severity` when not given.

    A wrong type or a missing column concerns no single row, so that quarantine means fail there.
    """

    otherwise: Otherwise = "error"
    """What happens, in a row to be predicted, to a value that breaks these rules or is of another type.

    error: the row is refused. impute: the value is taken as missing, and so is a column that is not
    given. clip: it is brought to `min` or `max`; what lies beyond neither is taken as missing. The
    rules travel with the model when their severity is fail or quarantine.
    """

    @model_validator(mode="after")
    def _sound(self) -> Self:
        """Refuse a pattern that is none, bounds that no value can meet, and clipping without bounds."""
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as exc:
                raise ValueError(f"regex {self.regex!r} is not a pattern: {exc}") from exc
        if self.otherwise == "clip" and self.min is None and self.max is None:
            raise ValueError("otherwise: clip needs a bound to clip to: give min or max, or say impute")
        if self.min is None or self.max is None:
            return self
        if isinstance(self.min, str) != isinstance(self.max, str):
            raise ValueError("min and max must both be numbers or both be text")
        if self.min > self.max:  # type: ignore[operator]  # both are numbers or both are text, as just checked
            raise ValueError(f"min {self.min!r} is above max {self.max!r}")
        return self


class Rule(_Section):
    """A condition over the columns of one row."""

    name: str = Field(min_length=1)
    """What the rule is called in reports and in the quarantine file."""

    sql: Expression
    """SQL expression that is true for a good row; a row where it is null passes."""

    severity: Severity | None = None
    """What happens when a row breaks it; the contract's `severity` when not given."""


class Rows(_Section):
    """How many rows there must be."""

    min: Annotated[Whole, Field(ge=0)] | None = None
    """Fewest rows."""

    max: Annotated[Whole, Field(ge=0)] | None = None
    """Most rows."""

    severity: TableSeverity | None = None
    """What happens when there are fewer or more; fail when not given."""


class Freshness(_Section):
    """How old the newest row may be."""

    column: str
    """Column of dates or datetimes (taken as UTC when it has no zone)."""

    max_age: Duration
    """Largest age of the newest value, such as 2d or 12h."""

    as_of: Moment | None = None
    """Moment to judge by; the clock when not given, and then the stage runs every time."""

    severity: TableSeverity | None = None
    """What happens when the newest value is older; fail when not given."""
