"""All that was found about a model, as the report draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops.formats.model import ModelFacts
from mlops_evaluate.catalogue import MetricName
from mlops_evaluate.labels import Confusion
from mlops_evaluate.measuring import Measured, Setting
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.threshold import Threshold

__all__ = ["Findings", "class_names"]

_LARGEST_MATRIX = 200
"""More classes than this are not written as a matrix."""


@dataclass(frozen=True)
class Findings:
    """A judged model: what it is, how it was judged, its predictions and its metrics."""

    facts: ModelFacts
    setting: Setting
    headline: MetricName
    threshold: Threshold | None
    """Only binary models have one."""

    parts: Mapping[str, Scored]
    metrics: Mapping[str, Mapping[MetricName, Measured]]
    """Part → metric → what was measured; parts without rows are left out."""

    @property
    def test(self) -> Scored:
        """Predictions of the test part."""
        return self.parts["test"]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their index."""
        return class_names(self.facts)

    def predicted(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Class that each test row is given, int64 (rows,)."""
        if self.threshold is not None:
            return (self.test.positive >= self.threshold.value).astype(np.int64)
        named: np.ndarray[Any, np.dtype[np.int64]] = self.test.scores.argmax(axis=1)
        return named

    def matrix(self) -> Floats:
        """Weight of each pair on the test part: rows are what happened, (classes, classes)."""
        return Confusion(self.test, self.predicted()).matrix(self.test.weight)

    def confusion(self) -> list[list[float]] | None:
        """Give the matrix as it is written; None for regression and for very many classes."""
        if self.setting.task == "regression" or self.test.classes > _LARGEST_MATRIX:
            return None
        return [[float(value) for value in row] for row in self.matrix()]


def class_names(facts: ModelFacts) -> tuple[str, ...]:
    """Write class labels as people read them: booleans as in YAML."""
    return tuple(str(label).lower() if isinstance(label, bool) else str(label) for label in facts.classes)
