"""The gate that holds a model against the champion, on the same rows."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.services.gate import Evidence, Finding, Gate
from mlops_release.catalogue import MetricName

__all__ = ["BeatsChampion"]


class BeatsChampion(Gate):
    """The model must be better than the champion, or not worse: both are scored now on the same test rows.

    Judged is the lower end of the interval of the gain, from a paired bootstrap. With no champion yet it passes.
    """

    compares: ClassVar[bool] = True

    metric: MetricName | None = None
    """What both are measured by; the evaluation's headline when not given."""

    require: Literal["better", "not_worse"] = "not_worse"
    """better: even the lower end of the gain is above the margin; not_worse: it is above minus the margin."""

    margin: Annotated[float, Field(ge=0)] = 0.01
    """How much better a model must be, or how much worse it may be."""

    unit: Literal["share", "metric"] = "share"
    """What the margin counts: shares of the champion's value, or the metric's own unit."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Share of resamples within the interval."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 500
    """Resamples behind the interval."""

    incomparable: Literal["fail", "pass"] = "fail"
    """What to find when the champion cannot be scored here: other classes, another task, columns that are gone."""

    def judge(self, evidence: Evidence) -> Finding:
        """Score both and compare."""
        from mlops_release.comparing import compare

        return compare(self, evidence)
