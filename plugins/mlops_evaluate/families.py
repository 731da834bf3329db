"""Which statistics give which metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mlops.formats.table import Task
from mlops_evaluate.catalogue import MetricName
from mlops_evaluate.labels import BinaryLabels, MulticlassLabels, TopThree
from mlops_evaluate.probabilities import Brier, CalibrationError, LogLoss
from mlops_evaluate.ranking import OneVsRest, Ranking
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.statistic import Statistic
from mlops_evaluate.values import Errors, MedianError, Spearman

__all__ = ["Measures", "prepare"]


@dataclass(frozen=True)
class Measures:
    """The statistics behind a list of metrics, prepared for one set of rows."""

    names: tuple[MetricName, ...]
    statistics: tuple[Statistic, ...]

    def __call__(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure all metrics under weights (rows,)."""
        found: dict[MetricName, float] = {}
        for statistic in self.statistics:
            found.update(statistic.measure(weight))
        return {name: found[name] for name in self.names}


def prepare(task: Task, names: Iterable[MetricName], scored: Scored, *, threshold: float) -> Measures:
    """Prepare the statistics that the metrics need, and no others."""
    wanted = tuple(names)
    makers = _makers(task, threshold)
    chosen = [make(scored) for given, make in makers if set(given) & set(wanted)]
    return Measures(wanted, tuple(chosen))


def _makers(task: Task, threshold: float) -> tuple[tuple[tuple[MetricName, ...], Callable[[Scored], Statistic]], ...]:
    if task == "regression":
        return ((Errors.names, Errors), (MedianError.names, MedianError), (Spearman.names, Spearman))
    binary = task == "binary"
    shared: tuple[tuple[tuple[MetricName, ...], Callable[[Scored], Statistic]], ...] = (
        (LogLoss.names, LogLoss),
        (CalibrationError.names, lambda scored: CalibrationError(scored, binary=binary)),
    )
    if binary:
        labels = (BinaryLabels.names, lambda scored: BinaryLabels(scored, threshold))
        return (*shared, (Ranking.names, Ranking), (Brier.names, Brier), labels)
    return (
        *shared,
        (OneVsRest.names, OneVsRest),
        (MulticlassLabels.names, MulticlassLabels),
        (TopThree.names, TopThree),
    )
