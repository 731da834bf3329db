"""How good a model turned out to be, on the rows whose labels are known by now.

Intervals are those of large samples: the mean's standard error, Hanley and McNeil (1982) for the area under the
ROC curve, and the delta method for a root.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlops.services.monitor import Finding, Performance

__all__ = ["Judged", "decayed", "gaps", "performances"]

Array = np.ndarray[Any, Any]
_SURE = 1.96
_LEAST = 1e-15
_LEAST_IN_GROUP = 50


@dataclass(frozen=True)
class Judged:
    """Rows with what was said of them and what came true."""

    truth: Array
    """(rows,): index of the true class, or the true value."""

    said: Array
    """(rows, classes) of probabilities, or (rows,) of values."""

    rows: pl.DataFrame

    @classmethod
    def of(cls, rows: pl.DataFrame, signature: Mapping[str, Any]) -> Judged:
        """Take the rows whose labels are known; a label that is no class of the model, or no number, is left out."""
        names = _answers(signature)
        there = {"_label", *names} <= {*rows.columns}
        known = rows.drop_nulls(["_label", *names]) if there else rows.clear()
        if signature["task"] == "regression":
            if known.height:
                known = known.with_columns(pl.col("_label").cast(pl.Float64, strict=False)).drop_nulls("_label")
            return cls(_floats(known, "_label"), _floats(known, "_answer_prediction"), known)
        classes = {_plain(name): index for index, name in enumerate(signature["classes"])}
        labels = [_plain(label) for label in known["_label"].to_list()] if known.height else []
        kept = [label in classes for label in labels]
        known = known.filter(pl.Series(kept, dtype=pl.Boolean))
        truth = np.asarray([classes[label] for label in labels if label in classes], dtype=np.int64)
        said = known.select(pl.col(names).cast(pl.Float64)).to_numpy() if known.height else np.zeros((0, len(names)))
        return cls(truth, said, known)


def _answers(signature: Mapping[str, Any]) -> list[str]:
    if signature["task"] == "regression":
        return ["_answer_prediction"]
    return [f"_answer_score_{name}" for name in signature["classes"]]


def _plain(label: Any) -> str:
    """Write a label the same whether it came from JSON, CSV or a table."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def _floats(rows: pl.DataFrame, name: str) -> Array:
    return rows[name].cast(pl.Float64).to_numpy() if rows.height else np.zeros(0)


def performances(judged: Judged, signature: Mapping[str, Any], measured: Mapping[str, Any]) -> list[Performance]:
    """Measure what can be measured; nothing for fewer than two rows, or rows of a single class.

    Args:
        judged: the rows.
        signature: the bundle's.
        measured: the evaluation's facts, for the same metrics on test rows.
    """
    if judged.truth.size < 2:  # noqa: PLR2004 - one row has no spread
        return []
    then = measured.get("metrics", {}).get("test", {})
    found: list[Performance] = []
    for name, (measure, higher) in _MEASURES[signature["task"]].items():
        value, error = measure(judged.truth, judged.said)
        if math.isfinite(value):
            spread = _SURE * error
            before = (then.get(name) or {}).get("value")
            found.append(Performance(name, value, value - spread, value + spread, before, higher))
    return found


def decayed(here: Performance, labels: int, *, most: float, level: float) -> list[Finding]:
    """Say whether a metric has become worse than it was on test rows.

    Args:
        here: the metric in the window.
        labels: labelled rows it was measured on.
        most: loss that is still accepted, as a share of the metric's test value.
        level: probability of a false alarm.
    """
    if here.reference is None:
        return []
    worse = here.reference - here.value if here.higher_is_better else here.value - here.reference
    loss = worse / abs(here.reference) if here.reference else 0.0
    error = (here.high - here.low) / (2 * _SURE)
    p = 0.5 * math.erfc(worse / error / math.sqrt(2)) if error > 0 else float(worse <= 0)
    sentence = (
        f"{here.metric} is {here.value:.4g} [{here.low:.4g}, {here.high:.4g}] on {labels:,} labelled rows, "
        f"{here.reference:.4g} on the test rows ({loss:.1%} {'worse' if loss >= 0 else 'change for the better'})"
    )
    return [Finding("performance", here.metric, loss, most, p, loss >= most and p <= level, sentence)]


def gaps(
    judged: Judged, columns: Sequence[str], signature: Mapping[str, Any], *, floor: float, level: float
) -> list[Finding]:
    """Compare the error between the groups of each column, among groups of at least 50 labelled rows.

    The probability is that of the largest of all pairs of groups (Bonferroni), by the normal approximation.
    """
    found: list[Finding] = []
    for name in columns:
        if name in judged.rows.columns and judged.truth.size:
            groups = judged.rows[name].cast(pl.String).fill_null("missing").to_numpy()
            found += _gap(name, _group_means(groups, _errors(judged, signature)), floor, level=level)
    return found


def _group_means(groups: Array, errors: Array) -> dict[str, tuple[float, float]]:
    """Give group → mean error and its standard error."""
    names, counts = np.unique(groups, return_counts=True)
    return {str(name): _mean(errors[groups == name]) for name in names[counts >= _LEAST_IN_GROUP]}


def _gap(name: str, means: Mapping[str, tuple[float, float]], floor: float, *, level: float) -> list[Finding]:
    if len(means) < 2:  # noqa: PLR2004 - a gap is between two
        return []
    worst, best = max(means, key=lambda key: means[key][0]), min(means, key=lambda key: means[key][0])
    gap, error = means[worst][0] - means[best][0], math.hypot(means[worst][1], means[best][1])
    pairs = len(means) * (len(means) - 1) / 2
    p = min(1.0, pairs * math.erfc(gap / error / math.sqrt(2))) if error > 0 else float(gap <= 0)
    sentence = f"{name}: the error is {means[worst][0]:.3g} for {worst!r} and {means[best][0]:.3g} for {best!r}"
    return [Finding("fairness", name, gap, floor, p, gap >= floor and p <= level, sentence)]


def _errors(judged: Judged, signature: Mapping[str, Any]) -> Array:
    """Error of each row: 0 or 1 for a class, the absolute difference for a value."""
    if signature["task"] == "regression":
        return np.asarray(np.abs(judged.said - judged.truth))
    return np.asarray(judged.said.argmax(axis=1) != judged.truth, dtype=np.float64)


def _mean(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


def _log_loss(truth: Array, said: Array) -> tuple[float, float]:
    chosen = said[np.arange(truth.size), truth] / said.sum(axis=1)
    return _mean(-np.log(np.clip(chosen, _LEAST, 1)))


def _accuracy(truth: Array, said: Array) -> tuple[float, float]:
    return _mean((said.argmax(axis=1) == truth).astype(np.float64))


def _brier(truth: Array, said: Array) -> tuple[float, float]:
    return _mean((said[:, 1] - truth) ** 2)


def _area(truth: Array, said: Array) -> tuple[float, float]:
    """Area under the ROC curve with its error (Hanley and McNeil 1982); undefined for rows of one class."""
    positive = int(truth.sum())
    negative = truth.size - positive
    if not positive or not negative:
        return math.nan, math.nan
    ranks = pl.Series(said[:, 1]).rank("average").to_numpy()
    area = (ranks[truth == 1].sum() - positive * (positive + 1) / 2) / (positive * negative)
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positive - 1) * (one - area**2) + (negative - 1) * (two - area**2)
    return float(area), math.sqrt(max(0.0, spread) / (positive * negative))


def _rmse(truth: Array, said: Array) -> tuple[float, float]:
    square, error = _mean((said - truth) ** 2)
    root = math.sqrt(square)
    return root, error / (2 * root) if root else 0.0


def _mae(truth: Array, said: Array) -> tuple[float, float]:
    return _mean(np.abs(said - truth))


_Measure = Callable[[Array, Array], tuple[float, float]]
_MEASURES: Mapping[str, Mapping[str, tuple[_Measure, bool]]] = {
    "binary": {
        "roc_auc": (_area, True),
        "log_loss": (_log_loss, False),
        "brier": (_brier, False),
        "accuracy": (_accuracy, True),
    },
    "multiclass": {"log_loss": (_log_loss, False), "accuracy": (_accuracy, True)},
    "regression": {"rmse": (_rmse, False), "mae": (_mae, False)},
}
