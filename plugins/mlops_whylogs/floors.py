"""From which size on a difference counts, however sure it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Floors"]

Share = Annotated[float, Field(gt=0, le=1)]


class Floors(BaseModel):
    """Smallest effects that count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    numeric: Share = 0.1
    """Distance of the distribution functions of a number (Kolmogorov–Smirnov); a shift by half a deviation is 0.2."""

    category: Share = 0.1
    """Share of rows that have moved from one value of a text to another (total variation)."""

    missing: Share = 0.02
    """Difference of the share of missing values."""

    new: Share = 0.01
    """Share of rows with a value that never occurred before."""
