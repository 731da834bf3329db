"""The gate of how long one row takes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops.services.gate import Evidence, Finding, Gate

__all__ = ["Latency"]


class Latency(Gate):
    """One row after another is scored with the bundle, in one thread; the model must be quick enough.

    A time differs from run to run: the best of several rounds is judged, bounds should be generous, and
    what was measured is a metric of the run, not part of the verdict.
    """

    p50: Annotated[float | None, Field(gt=0)] = None
    """Milliseconds within which half of the rows must be answered."""

    p99: Annotated[float | None, Field(gt=0)] = 100.0
    """Milliseconds within which 99 of 100 rows must be answered."""

    rows: Annotated[int, Field(ge=20, le=100_000)] = 300
    """Test rows that are scored in a round."""

    rounds: Annotated[int, Field(ge=1, le=100)] = 3
    """Rounds, of which the best counts."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        """Refuse a gate that lets everything pass."""
        if self.p50 is None and self.p99 is None:
            raise ValueError("needs `p50` or `p99`")
        return self

    def judge(self, evidence: Evidence) -> Finding:
        """Take the time."""
        from mlops_release.timing import judge_latency

        return judge_latency(self, evidence)
