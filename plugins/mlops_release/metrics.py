"""Metrics under any row weights: prepared once, measured once a resample; defined as the evaluate stage has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from mlops_release.catalogue import MetricName
from mlops_release.outcomes import Floats, Outcomes

__all__ = ["Measure", "measure_of"]

Measure: TypeAlias = Callable[[Floats], float]
"""Row weights (rows,) → the metric; NaN where it is undefined."""

_NAN = float("nan")


def measure_of(name: MetricName, outcomes: Outcomes) -> Measure:
    """Prepare a metric for a set of rows."""
    return _MAKERS[name](outcomes)


def _mean(values: Floats) -> Measure:
    return lambda weight: _ratio(float(values @ weight), float(weight.sum()))


def _log_loss(outcomes: Outcomes) -> Measure:
    """Mean negative natural logarithm of the probability given to what happened."""
    tiny = np.finfo(np.float64).eps
    given = outcomes.scores[np.arange(outcomes.rows), outcomes.target]
    return _mean(-np.log(np.clip(given, tiny, 1 - tiny)))


def _top_three(outcomes: Outcomes) -> Measure:
    """Share of rows whose class is among the three best scores; of equal scores the lower index comes first."""
    own = outcomes.scores[np.arange(outcomes.rows), outcomes.target][:, None]
    earlier = np.arange(outcomes.scores.shape[1])[None, :] < outcomes.target[:, None]
    above = (outcomes.scores > own) | ((outcomes.scores == own) & earlier)
    return _mean((above.sum(axis=1) <= 2).astype(np.float64))  # noqa: PLR2004 - the third place has two above


def _root_mean_square(outcomes: Outcomes) -> Measure:
    square = _mean((outcomes.positive - outcomes.target) ** 2)
    return lambda weight: float(np.sqrt(square(weight)))


def _r2(outcomes: Outcomes) -> Measure:
    """One less the squared error over the squared distance from the mean."""
    target = outcomes.target.astype(np.float64)
    square = (outcomes.positive - target) ** 2

    def measure(weight: Floats) -> float:
        middle = _ratio(float(target @ weight), float(weight.sum()))
        spread = float(weight @ (target - middle) ** 2)
        return 1 - float(square @ weight) / spread if spread > 0 else _NAN

    return measure


def _mape(outcomes: Outcomes) -> Measure:
    """Mean absolute error relative to the target, over rows whose target is not zero."""
    known = (outcomes.target != 0).astype(np.float64)
    size = np.where(outcomes.target == 0, 1.0, np.abs(outcomes.target))
    relative = known * np.abs(outcomes.positive - outcomes.target) / size
    return lambda weight: _ratio(float(relative @ weight), float(known @ weight))


def _median_error(outcomes: Outcomes) -> Measure:
    """Weighted median of the absolute error: halfway between the two middle errors when they tie."""
    error = np.abs(outcomes.positive - outcomes.target)
    order = np.argsort(error, kind="stable")
    ranked = error[order]

    def measure(weight: Floats) -> float:
        kept = np.flatnonzero(weight[order] > 0)
        if not kept.size:
            return _NAN
        reached = np.cumsum(weight[order][kept])
        first, last = (int(np.searchsorted(reached, reached[-1] / 2, side=side)) for side in ("left", "right"))
        return float(ranked[kept[[first, min(last, kept.size - 1)]]].mean())

    return measure


def _area(score: Floats, positive: np.ndarray[Any, np.dtype[np.bool_]]) -> Measure:
    """Area under the ROC curve: chance that a positive scores above a negative, ties half (Fawcett 2006).

    The negatives are sorted once; each positive then knows how many lie below it and how many level with it,
    so that a resample costs one running sum over the negatives.
    """
    hit, miss = np.flatnonzero(positive), np.flatnonzero(~positive)
    miss = miss[np.argsort(score[miss], kind="stable")]
    low, high = (np.searchsorted(score[miss], score[hit], side=side) for side in ("left", "right"))

    def measure(weight: Floats) -> float:
        below = np.concatenate(([0.0], np.cumsum(weight[miss])))
        mine = weight[hit]
        pairs = float(mine.sum() * below[-1])
        return float(mine @ (below[low] + below[high])) / (2 * pairs) if pairs > 0 else _NAN

    return measure


def _area_of_each(outcomes: Outcomes) -> Measure:
    """Plain mean over the classes of each one's area against all others (Provost & Domingos 2003)."""
    each = [_area(outcomes.scores[:, index], outcomes.target == index) for index in range(outcomes.scores.shape[1])]
    return lambda weight: float(np.mean([area(weight) for area in each]))


def _average_precision(outcomes: Outcomes) -> Measure:
    """Precision at each distinct score, weighed by the recall that it adds."""
    order = np.argsort(-outcomes.positive, kind="stable")
    ranked = outcomes.positive[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    hit = (outcomes.target[order] == 1).astype(np.float64)

    def measure(weight: Floats) -> float:
        mine = weight[order]
        found, called = np.cumsum(mine * hit)[ends], np.cumsum(mine)[ends]
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        return _ratio(float(np.diff(found, prepend=0.0) @ precision), float(found[-1]))

    return measure


def _of_confusion(judge: Callable[[Floats], float]) -> Callable[[Outcomes], Measure]:
    """Make a metric of the confusion matrix: rows are what happened, columns what was said."""

    def make(outcomes: Outcomes) -> Measure:
        classes = outcomes.scores.shape[1]
        cells = outcomes.target * classes + outcomes.label
        shape = (classes, classes)
        return lambda weight: judge(np.bincount(cells, weights=weight, minlength=classes**2).reshape(shape))

    return make


def _accuracy(matrix: Floats) -> float:
    return _ratio(float(np.trace(matrix)), float(matrix.sum()))


def _balanced_accuracy(matrix: Floats) -> float:
    return _mean_known(_ratios(np.diag(matrix), matrix.sum(axis=1)))


def _precision(matrix: Floats) -> float:
    return _ratio(float(matrix[1, 1]), float(matrix[:, 1].sum()))


def _recall(matrix: Floats) -> float:
    return _ratio(float(matrix[1, 1]), float(matrix[1].sum()))


def _f1(matrix: Floats) -> float:
    return float(_each_f1(matrix)[1])


def _macro_f1(matrix: Floats) -> float:
    return _mean_known(_each_f1(matrix))


def _weighted_f1(matrix: Floats) -> float:
    return _ratio(float(np.nan_to_num(_each_f1(matrix)) @ matrix.sum(axis=1)), float(matrix.sum()))


def _mcc(matrix: Floats) -> float:
    """Matthews correlation for any number of classes (Gorodkin 2004); 0 when one side is constant."""
    total, right = matrix.sum(), np.trace(matrix)
    seen, said = matrix.sum(axis=1), matrix.sum(axis=0)
    spread = (total**2 - np.sum(seen**2)) * (total**2 - np.sum(said**2))
    return float((right * total - np.sum(seen * said)) / np.sqrt(spread)) if spread > 0 else 0.0


def _each_f1(matrix: Floats) -> Floats:
    return _ratios(2 * np.diag(matrix), matrix.sum(axis=1) + matrix.sum(axis=0))


def _mean_known(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else _NAN


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else _NAN


def _ratios(part: Floats, whole: Floats) -> Floats:
    ratios: Floats = np.divide(part, whole, out=np.full(part.shape, _NAN), where=whole > 0)
    return ratios


_MAKERS: Mapping[MetricName, Callable[[Outcomes], Measure]] = {
    "roc_auc": lambda outcomes: _area(outcomes.positive, outcomes.target == 1),
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": lambda outcomes: _mean((outcomes.positive - outcomes.target) ** 2),
    "accuracy": _of_confusion(_accuracy),
    "balanced_accuracy": _of_confusion(_balanced_accuracy),
    "precision": _of_confusion(_precision),
    "recall": _of_confusion(_recall),
    "f1": _of_confusion(_f1),
    "mcc": _of_confusion(_mcc),
    "macro_f1": _of_confusion(_macro_f1),
    "weighted_f1": _of_confusion(_weighted_f1),
    "roc_auc_ovr": _area_of_each,
    "top_3_accuracy": _top_three,
    "rmse": _root_mean_square,
    "mae": lambda outcomes: _mean(np.abs(outcomes.positive - outcomes.target)),
    "median_ae": _median_error,
    "r2": _r2,
    "mape": _mape,
}
