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
        """Take the rows whose labels are known; a label that is no class of the model is left out."""
        known = rows.filter(pl.col("_label").is_not_null()) if "_label" in rows.columns else rows.clear()
        if signature["task"] == "regression":
            return cls(_floats(known, "_label"), _floats(known, "_answer_prediction"), known)
        classes = {_plain(name): index for index, name in enumerate(signature["classes"])}
        labels = [_plain(label) for label in known["_label"].to_list()] if known.height else []
        kept = [label in classes for label in labels]
        known = known.filter(pl.Series(kept, dtype=pl.Boolean))
        truth = np.asarray([classes[label] for label in labels if label in classes], dtype=np.int64)
        names = [f"_answer_score_{name}" for name in signature["classes"]]
        said = known.select(names).to_numpy() if known.height else np.zeros((0, len(names)))
        return cls(truth, said, known)


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


def decayed(found: Sequence[Performance], headline: str, *, most: float, least: int, labels: int) -> list[Finding]:
    """Say whether the headline metric has become worse than it was on test rows.

    Args:
        found: the window's metrics.
        headline: the metric that counts.
        most: loss that is still accepted, as a share of the metric's test value.
        least: labels needed before anything is said.
        labels: labels there are.
    """
    here = next((item for item in found if item.metric == headline), None)
    if here is None or here.reference is None or labels < least:
        return []
    worse = here.reference - here.value if here.higher_is_better else here.value - here.reference
    loss = worse / abs(here.reference) if here.reference else 0.0
    error = (here.high - here.low) / (2 * _SURE)
    p = 0.5 * math.erfc(worse / error / math.sqrt(2)) if error > 0 else float(worse <= 0)
    sentence = (
        f"{headline} is {here.value:.4g} [{here.low:.4g}, {here.high:.4g}] on {labels:,} labelled rows, "
        f"{here.reference:.4g} on the test rows ({loss:.1%} {'worse' if loss >= 0 else 'change for the better'})"
    )
    return [Finding("performance", headline, loss, most, p, loss >= most and p < 0.01, sentence)]  # noqa: PLR2004


def gaps(judged: Judged, columns: Sequence[str], signature: Mapping[str, Any], *, floor: float) -> list[Finding]:
    """Compare the error between the groups of each column, among groups of at least 50 labelled rows."""
    found: list[Finding] = []
    for name in columns:
        if name not in judged.rows.columns or not judged.truth.size:
            continue
        groups = judged.rows[name].cast(pl.String).fill_null("missing").to_numpy()
        errors = _errors(judged, signature)
        means = {group: float(errors[groups == group].mean()) for group in np.unique(groups) if _many(groups, group)}
        if len(means) > 1:
            found.append(_gap(name, means, floor))
    return found


def _many(groups: Array, group: Any) -> bool:
    return int((groups == group).sum()) >= 50  # noqa: PLR2004 - as the docstring says


def _gap(name: str, means: Mapping[str, float], floor: float) -> Finding:
    worst, best = max(means, key=lambda key: means[key]), min(means, key=lambda key: means[key])
    gap = means[worst] - means[best]
    sentence = f"{name}: the error is {means[worst]:.3g} for {worst!r} and {means[best]:.3g} for {best!r}"
    return Finding("fairness", name, gap, floor, 1.0, gap >= floor, sentence)


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
