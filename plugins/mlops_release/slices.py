"""The gate of the worst slice of the test rows."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops.services.gate import Evidence, Finding, Gate
from mlops_release.catalogue import MetricName

__all__ = ["Slices"]


class Slices(Gate):
    """A metric must hold in each slice of some columns that has enough rows, not only on the whole."""

    columns: Annotated[tuple[str | tuple[str, ...], ...], Field(min_length=1)]
    """Columns that make slices, each alone; a list of columns inside makes slices of their combinations."""

    metric: MetricName | None = None
    """What is measured in each slice; the evaluation's headline when not given."""

    least: float | None = None
    """Smallest value of any slice that passes."""

    most: float | None = None
    """Largest value of any slice that passes."""

    gap: Annotated[float | None, Field(ge=0)] = None
    """By how much the worst slice may be worse than all rows together."""

    support: Annotated[int, Field(ge=1)] = 200
    """Rows that a slice must have to be judged."""

    bins: Annotated[int, Field(ge=2, le=100)] = 4
    """Ranges of equal size into which a column of many numbers or times is cut."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        """Refuse a gate that lets everything pass."""
        if self.least is None and self.most is None and self.gap is None:
            raise ValueError("needs `least`, `most` or `gap`")
        return self

    def judge(self, evidence: Evidence) -> Finding:
        """Measure each slice and judge the worst."""
        from mlops_release.slicing import judge_slices

        return judge_slices(self, evidence)
