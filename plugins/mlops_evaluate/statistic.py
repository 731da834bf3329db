"""What every family of metrics implements: prepare once, then measure under any weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from mlops_evaluate.catalogue import MetricName
from mlops_evaluate.scored import Floats

__all__ = ["Statistic"]


class Statistic(ABC):
    """Metrics that share their preparation (one sort, one binning) over a fixed set of rows.

    Made once from predictions; `measure` is then called once with the rows' own weights and once
    for each resample, whose multiplicities are weights too.
    """

    names: ClassVar[tuple[MetricName, ...]]
    """What `measure` gives."""

    @abstractmethod
    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,); NaN where a metric is undefined."""
