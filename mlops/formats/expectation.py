"""What one column of a row must look like, and what happens to a value that does not."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Strict

__all__ = ["Expectation", "Otherwise"]

Otherwise = Literal["error", "impute", "clip"]
Bound = Annotated[int, Strict()] | Annotated[float, Strict()] | str


class Expectation(BaseModel):
    """The contract of one column as it holds for rows to be predicted; it travels with the roles."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    nullable: bool = True
    """Whether the value may be missing."""

    allowed: tuple[bool | int | float | str, ...] | None = None
    """The only values it may hold."""

    regex: str | None = None
    """Pattern (Rust syntax) that the whole value must match."""

    min: Bound | None = None
    """Smallest value it may hold: a number, an ISO date or datetime, or a text."""

    max: Bound | None = None
    """Largest value it may hold."""

    otherwise: Otherwise = "error"
    """What happens to a value that breaks this.

    error: the row is refused, by name of the column. impute: it is taken as missing. clip: it is
    brought to the nearest bound; what is no number or time is taken as missing.
    """
