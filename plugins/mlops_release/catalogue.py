"""The metrics that gates measure themselves: which task they fit, and which way is better."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from mlops.errors import StageError
from mlops.formats.evaluation import Evaluation
from mlops.formats.table import Task

__all__ = ["BETTER", "MEASURED", "MetricName", "chosen", "near"]

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
    "macro_f1",
    "weighted_f1",
    "roc_auc_ovr",
    "top_3_accuracy",
    "rmse",
    "mae",
    "median_ae",
    "r2",
    "mape",
]

_LOWER = frozenset({"log_loss", "brier", "rmse", "mae", "median_ae", "mape"})

MEASURED: Mapping[Task, tuple[MetricName, ...]] = MappingProxyType(
    {
        "binary": (
            *("roc_auc", "average_precision", "log_loss", "brier", "accuracy"),
            *("balanced_accuracy", "precision", "recall", "f1", "mcc"),
        ),
        "multiclass": (
            *("macro_f1", "weighted_f1", "accuracy", "balanced_accuracy"),
            *("mcc", "log_loss", "roc_auc_ovr", "top_3_accuracy"),
        ),
        "regression": ("rmse", "mae", "median_ae", "r2", "mape"),
    }
)
"""Metrics by task, defined as the evaluate stage defines them."""

BETTER: Mapping[str, int] = MappingProxyType(
    {name: -1 if name in _LOWER else 1 for names in MEASURED.values() for name in names}
)
"""1 where more is better, -1 where less is."""


def chosen(asked: MetricName | None, evaluation: Evaluation, *, task: Task) -> MetricName:
    """Take the metric that a gate names, or the evaluation's headline.

    Raises:
        StageError: it does not fit the task, or is not among those that gates measure.
    """
    wanted = asked or evaluation.headline
    for name in MEASURED[task]:
        if name == wanted:
            return name
    raise StageError(
        f"gates do not measure {wanted!r} of a {task} model",
        where="metric of the gate" if asked else "the evaluation's headline",
        fix=f"{near(wanted, MEASURED[task])}name one of {', '.join(MEASURED[task])}",
    )


def near(wanted: str, names: tuple[str, ...] | list[str]) -> str:
    """Suggest the name that was probably meant, with a blank after it; empty when none is near."""
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}? " if close else ""
