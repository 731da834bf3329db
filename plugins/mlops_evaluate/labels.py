"""Metrics of labels: everything that a confusion matrix tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mlops_evaluate.catalogue import MetricName
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.statistic import Statistic

__all__ = ["BinaryLabels", "Confusion", "MulticlassLabels", "TopThree", "per_class"]

_NAN = float("nan")


class Confusion:
    """Which class each row has and which it was given, counted under any weights."""

    def __init__(self, scored: Scored, predicted: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        self._classes = scored.classes
        self._cells = scored.target * scored.classes + predicted

    def matrix(self, weight: Floats) -> Floats:
        """Weight of each pair of classes: rows are what happened, columns what was said."""
        flat = np.bincount(self._cells, weights=weight, minlength=self._classes**2)
        return flat.astype(np.float64, copy=False).reshape(self._classes, self._classes)


class BinaryLabels(Statistic):
    """Metrics of binary labels at one threshold; the last class is positive."""

    names: ClassVar[tuple[MetricName, ...]] = (
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "mcc",
        "base_rate",
    )

    def __init__(self, scored: Scored, threshold: float) -> None:
        self.confusion = Confusion(scored, (scored.positive >= threshold).astype(np.int64))

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        matrix = self.confusion.matrix(weight)
        (_, false_positive), (false_negative, found) = matrix.tolist()
        return {
            **_shared(matrix),
            "precision": _ratio(found, found + false_positive),
            "recall": _ratio(found, found + false_negative),
            "f1": _ratio(2 * found, 2 * found + false_positive + false_negative),
            "base_rate": _ratio(found + false_negative, float(matrix.sum())),
        }


class MulticlassLabels(Statistic):
    """Metrics of the class with the best score."""

    names: ClassVar[tuple[MetricName, ...]] = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "mcc")

    def __init__(self, scored: Scored) -> None:
        self.confusion = Confusion(scored, scored.scores.argmax(axis=1))

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,); classes neither seen nor said do not count in a mean."""
        matrix = self.confusion.matrix(weight)
        f1 = per_class(matrix)["f1"]
        seen = matrix.sum(axis=1)
        weighted = float(np.sum(np.nan_to_num(f1) * seen) / matrix.sum())
        return {**_shared(matrix), "macro_f1": float(np.nanmean(f1)), "weighted_f1": weighted}


class TopThree(Statistic):
    """Whether a row's class is among the three best scores; of equal scores the lower index comes first."""

    names: ClassVar[tuple[MetricName, ...]] = ("top_3_accuracy",)

    def __init__(self, scored: Scored) -> None:
        own = scored.scores[np.arange(scored.rows), scored.target][:, None]
        earlier = np.arange(scored.classes)[None, :] < scored.target[:, None]
        better = (scored.scores > own) | ((scored.scores == own) & earlier)
        self._hit = (better.sum(axis=1) <= 2).astype(np.float64)  # noqa: PLR2004 - the third place has two above

    def measure(self, weight: Floats) -> Mapping[MetricName, float]:
        """Measure under weights (rows,)."""
        return {"top_3_accuracy": float(np.sum(weight * self._hit) / weight.sum())}


def per_class(matrix: Floats) -> dict[str, Floats]:
    """Precision, recall and F1 of each class, each (classes,); NaN where undefined.

    Args:
        matrix: weight of each pair, rows are what happened, (classes, classes).
    """
    hit = np.diag(matrix)
    seen, said = matrix.sum(axis=1), matrix.sum(axis=0)
    return {
        "precision": _ratios(hit, said),
        "recall": _ratios(hit, seen),
        "f1": _ratios(2 * hit, seen + said),
        "support": seen,
    }


def _shared(matrix: Floats) -> dict[MetricName, float]:
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "balanced_accuracy": float(np.nanmean(per_class(matrix)["recall"])),
        "mcc": _mcc(matrix),
    }


def _mcc(matrix: Floats) -> float:
    """Matthews correlation for any number of classes (Gorodkin 2004); 0 when one side is constant."""
    total, right = matrix.sum(), np.trace(matrix)
    seen, said = matrix.sum(axis=1), matrix.sum(axis=0)
    spread = (total**2 - np.sum(seen**2)) * (total**2 - np.sum(said**2))
    return float((right * total - np.sum(seen * said)) / np.sqrt(spread)) if spread > 0 else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else _NAN


def _ratios(part: Floats, whole: Floats) -> Floats:
    ratios: Floats = np.divide(part, whole, out=np.full(part.shape, _NAN), where=whole > 0)
    return ratios
