"""What a model says of the test rows beside what happened, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.table import Task
from mlops.services.gate import Evidence

__all__ = ["Floats", "Outcomes", "classes_of", "outcomes_of"]

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

_EVEN = 0.5


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Predictions and what happened.

    Attributes:
        scores: probabilities (rows, classes), or values (rows, 1) for regression.
        target: int64 class index or float64 value, (rows,).
        weight: weight of each row, (rows,); ones when rows are not weighed.
        threshold: score from which a row is called positive (binary).
    """

    task: Task
    scores: Floats
    target: np.ndarray[Any, Any]
    weight: Floats
    threshold: float = _EVEN

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.target.shape[0])

    @property
    def positive(self) -> Floats:
        """Score of the positive class (the last), or the predicted value, (rows,)."""
        return self.scores[:, -1]

    @property
    def label(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Class that each row is given, (rows,)."""
        if self.task == "binary":
            return np.asarray(self.positive >= self.threshold, np.int64)
        return np.asarray(self.scores.argmax(axis=1), np.int64)

    def only(self, kept: Mask | np.ndarray[Any, np.dtype[np.int64]]) -> Outcomes:
        """Keep some rows."""
        return replace(self, scores=self.scores[kept], target=self.target[kept], weight=self.weight[kept])


def classes_of(evidence: Evidence) -> list[Any]:
    """List the candidate's classes in its order; none for regression."""
    return list(evidence.bundle.signature["classes"])


def outcomes_of(evidence: Evidence, predictions: pl.DataFrame, *, threshold: float | None = None) -> Outcomes:
    """Put predictions beside what happened.

    Args:
        evidence: the candidate, whose order of classes holds, and the test rows.
        predictions: of any bundle with the same classes, for all test rows.
        threshold: score from which a row is called positive; the evaluation's when None.
    """
    signature = evidence.bundle.signature
    names = [f"score_{name}" for name in signature["classes"]] or ["prediction"]
    scores = predictions.select(pl.col(names).cast(pl.Float64)).to_numpy().reshape(-1, len(names))
    rows, weigher = evidence.rows, evidence.splits.roles.weight
    weight = rows[weigher].cast(pl.Float64).to_numpy() if weigher else np.ones(rows.height)
    return Outcomes(
        task=signature["task"],
        scores=np.clip(scores, 0, 1) if signature["classes"] else scores,
        target=_target(rows, signature),
        weight=weight,
        threshold=_threshold(evidence) if threshold is None else threshold,
    )


def _threshold(evidence: Evidence) -> float:
    found = evidence.evaluation.facts.get("threshold")
    return float(found["value"]) if found else _EVEN


def _target(rows: pl.DataFrame, signature: dict[str, Any]) -> np.ndarray[Any, Any]:
    name, classes = signature["target"], signature["classes"]
    if name not in rows.columns:
        raise StageError(
            f"the test rows have no target {name!r}", fix="let bundle and splits come from the same stages: see inputs"
        )
    if not classes:
        return np.asarray(rows[name].cast(pl.Float64).to_numpy())
    kind: Any = pl.Boolean if isinstance(classes[0], bool) else pl.String if isinstance(classes[0], str) else pl.Int64
    numbers = rows[name].cast(kind).replace_strict(classes, range(len(classes)), default=None, return_dtype=pl.Int64)
    if numbers.null_count():
        raise StageError(
            f"{numbers.null_count():,} test rows have a target that the model does not know",
            fix="let bundle and splits come from the same stages: see inputs",
        )
    return np.asarray(numbers.to_numpy())
