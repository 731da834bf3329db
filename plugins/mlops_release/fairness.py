"""The gate of how far groups of people are apart in what they are told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlops.services.gate import Evidence, Finding, Gate

__all__ = ["Fairness"]


class Fairness(Gate):
    """A rate of positive answers must not differ too much between groups."""

    by: Annotated[tuple[str, ...], Field(min_length=1)]
    """Columns whose values make the groups."""

    rate: Literal["selection", "true_positive", "false_positive"] = "selection"
    """selection: share of rows called positive; true_positive: of positive rows; false_positive: of negative rows."""

    most: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest gap between two groups that passes."""

    gap: Literal["difference", "ratio"] = "difference"
    """difference: largest rate less smallest; ratio: one less smallest over largest, so 0.2 is the four-fifths rule."""

    label: str | int | bool | None = None
    """Class that counts as positive; the positive one, which is the last, when not given."""

    support: Annotated[int, Field(ge=1)] = 100
    """Rows behind a group's rate that it must have to be judged."""

    bins: Annotated[int, Field(ge=2, le=100)] = 4
    """Ranges of equal size into which a column of many numbers or times is cut."""

    def judge(self, evidence: Evidence) -> Finding:
        """Measure each group's rate and judge the gap."""
        from mlops_release.rates import judge_rates

        return judge_rates(self, evidence)
