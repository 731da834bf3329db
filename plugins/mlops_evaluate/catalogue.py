"""The metrics that can be asked for: their names, tasks, directions and definitions in a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlops.errors import StageError
from mlops.formats.table import Task

__all__ = ["METRICS", "STANDARD", "Direction", "Metric", "MetricName", "for_task"]

Direction = Literal["higher", "lower", "zero", "none"]
MetricName = Literal[
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "mcc",
    "ece",
    "base_rate",
    "macro_f1",
    "weighted_f1",
    "roc_auc_ovr",
    "top_3_accuracy",
    "rmse",
    "mae",
    "median_ae",
    "r2",
    "mape",
    "mean_error",
    "spearman",
]

_BINARY: tuple[Task, ...] = ("binary",)
_MULTI: tuple[Task, ...] = ("multiclass",)
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_VALUES: tuple[Task, ...] = ("regression",)


@dataclass(frozen=True)
class Metric:
    """One metric, as the report's reader meets it."""

    title: str
    tasks: tuple[Task, ...]
    better: Direction
    meaning: str
    undefined: str = "undefined for these rows"
    """Why its value may be missing."""

    resampled: str = ""
    """Why no interval is given, when resampling cannot give an honest one."""


METRICS: Mapping[MetricName, Metric] = {
    "roc_auc": Metric(
        "ROC AUC",
        _BINARY,
        "higher",
        "chance that a random positive scores above a random negative; ties count half",
        "needs rows of both classes",
    ),
    "average_precision": Metric(
        "Average precision",
        _BINARY,
        "higher",
        "area under the precision-recall curve, in steps",
        "needs positive rows",
    ),
    "log_loss": Metric(
        "Log loss",
        _CLASSES,
        "lower",
        "mean negative log of the probability given to what happened",
    ),
    "brier": Metric("Brier score", _BINARY, "lower", "mean squared error of the probability"),
    "accuracy": Metric("Accuracy", _CLASSES, "higher", "share of rows whose label is right"),
    "balanced_accuracy": Metric(
        "Balanced accuracy",
        _CLASSES,
        "higher",
        "mean recall over the classes that occur",
    ),
    "precision": Metric(
        "Precision",
        _BINARY,
        "higher",
        "share of rows called positive that are",
        "no row is called positive",
    ),
    "recall": Metric("Recall", _BINARY, "higher", "share of positive rows that are found", "needs positive rows"),
    "f1": Metric(
        "F1",
        _BINARY,
        "higher",
        "harmonic mean of precision and recall",
        "no row is positive or called so",
    ),
    "mcc": Metric(
        "Matthews correlation",
        _CLASSES,
        "higher",
        "correlation of labels and predictions; 0 is no better than chance",
    ),
    "ece": Metric(
        "Calibration error",
        _CLASSES,
        "lower",
        "expected calibration error: mean gap of promised and observed rate over 15 equal-width bins",
        resampled="resampling inflates a binned gap",
    ),
    "base_rate": Metric(
        "Base rate",
        _BINARY,
        "none",
        "share of positive rows, whatever the model says",
        resampled="resampling keeps the class sizes",
    ),
    "macro_f1": Metric(
        "Macro F1",
        _MULTI,
        "higher",
        "mean of each class's F1, classes alike",
    ),
    "weighted_f1": Metric("Weighted F1", _MULTI, "higher", "mean of each class's F1, by the class's rows"),
    "roc_auc_ovr": Metric(
        "ROC AUC, one vs rest",
        _MULTI,
        "higher",
        "mean over the classes of each class's ROC AUC against all others",
        "needs rows of every class",
    ),
    "top_3_accuracy": Metric(
        "Top-3 accuracy",
        _MULTI,
        "higher",
        "share of rows whose class is among the three best scores",
    ),
    "rmse": Metric("RMSE", _VALUES, "lower", "root of the mean squared error, in the target's unit"),
    "mae": Metric("MAE", _VALUES, "lower", "mean absolute error, in the target's unit"),
    "median_ae": Metric("Median absolute error", _VALUES, "lower", "half of the rows err by less"),
    "r2": Metric(
        "R²",
        _VALUES,
        "higher",
        "share of the target's variance that is explained",
        "the target is constant",
    ),
    "mape": Metric(
        "MAPE",
        _VALUES,
        "lower",
        "mean absolute error relative to the target, over rows whose target is not zero",
        "every target is zero",
    ),
    "mean_error": Metric("Mean error", _VALUES, "zero", "mean of prediction minus target: the bias"),
    "spearman": Metric(
        "Spearman correlation",
        _VALUES,
        "higher",
        "correlation of the ranks of predictions and targets",
        "the predictions or the targets are constant",
    ),
}

STANDARD: Mapping[Task, tuple[MetricName, ...]] = {
    "binary": (
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
        "ece",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "mcc",
        "base_rate",
    ),
    "multiclass": (
        "macro_f1",
        "accuracy",
        "balanced_accuracy",
        "weighted_f1",
        "log_loss",
        "roc_auc_ovr",
        "mcc",
        "ece",
    ),
    "regression": ("rmse", "mae", "median_ae", "r2", "mape", "mean_error", "spearman"),
}
"""What is measured when a recipe names no metrics; the first is the headline."""


def for_task(task: Task, asked: tuple[MetricName, ...]) -> tuple[MetricName, ...]:
    """Choose the metrics to measure.

    Raises:
        StageError: a metric does not fit the task.
    """
    fitting: list[str] = [name for name, metric in METRICS.items() if task in metric.tasks]
    for name in asked:
        if name not in fitting:
            raise StageError(
                f"the metric {name!r} does not fit a {task} model",
                where="metrics or headline of the evaluate stage",
                fix=f"{_meant(name, fitting)}; metrics of this task: {', '.join(fitting)}",
            )
    return tuple(dict.fromkeys(asked)) or STANDARD[task]


def _meant(name: str, fitting: list[str]) -> str:
    close = difflib.get_close_matches(name, fitting, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"remove {name!r}"
