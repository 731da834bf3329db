"""A part's predictions beside what happened, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.model import Model

__all__ = ["Floats", "Scored", "read_scored"]

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

_SUM_TOLERANCE = 1e-3
_RETRAIN = "train the model again; when it stays so, look at its features and its family"


@dataclass(frozen=True, eq=False)
class Scored:
    """Predictions of one part.

    Attributes:
        scores: probabilities (rows, classes), or values (rows, 1) for regression.
        target: int64 class index or float64 value, (rows,).
        weight: weight of each row, (rows,); ones when rows are not weighed.
        weighed: whether the part came with weights.
    """

    scores: Floats
    target: np.ndarray[Any, Any]
    weight: Floats
    weighed: bool = False

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.target.shape[0])

    @property
    def positive(self) -> Floats:
        """Score of the positive class (the last), or the predicted value, (rows,)."""
        return self.scores[:, -1]

    @property
    def classes(self) -> int:
        """How many columns of scores there are."""
        return int(self.scores.shape[1])


def read_scored(model: Model, part: str) -> Scored:
    """Read the stored predictions of one part.

    Raises:
        StageError: scores or targets are not what the task allows.
    """
    facts = model.facts
    frame = model.predictions(part)
    columns = max(len(facts.classes), 1)
    missing = [name for name in (*_names(columns), "__target__") if name not in frame.columns]
    if missing:
        raise StageError(
            f"the {part} predictions of {facts.family} have no column {missing[0]!r}",
            where=f"predictions_{part}.parquet",
            fix="a model family predicts one score a class, or one value for regression",
        )
    weighed = "__weight__" in frame.columns
    scored = Scored(
        scores=_floats(frame.select(_names(columns))),
        target=_floats(frame.select("__target__"))[:, 0],
        weight=_floats(frame.select("__weight__"))[:, 0] if weighed else np.ones(frame.height),
        weighed=weighed,
    )
    _check_finite(scored, part)
    return scored if facts.task == "regression" else _as_classes(scored, part)


def _names(columns: int) -> list[str]:
    return [f"score_{index}" for index in range(columns)]


def _floats(frame: pl.DataFrame) -> Floats:
    return np.ascontiguousarray(frame.cast(pl.Float64).to_numpy(), dtype=np.float64).reshape(frame.shape)


def _check_finite(scored: Scored, part: str) -> None:
    if not scored.rows:
        return
    for name, values in (("scores", scored.scores), ("targets", scored.target), ("weights", scored.weight)):
        bad = int(np.count_nonzero(~np.isfinite(values.reshape(scored.rows, -1)).all(axis=1)))
        if bad:
            raise StageError(
                f"{bad:,} of {scored.rows:,} {part} rows have {name} that are missing, NaN or infinite",
                where=f"predictions_{part}.parquet",
                fix=_RETRAIN if name == "scores" else f"mend or leave out the rows with missing {name} in the data",
            )
    if scored.weight.min() < 0 or scored.weight.sum() <= 0:
        raise StageError(
            f"the weights of the {part} rows are negative or all zero",
            where=f"predictions_{part}.parquet",
            fix="weights must be 0 or more, and some more than 0",
        )


def _as_classes(scored: Scored, part: str) -> Scored:
    target = scored.target.astype(np.int64)
    off = np.abs(scored.scores.sum(axis=1) - 1) > _SUM_TOLERANCE
    outside = ((scored.scores < -_SUM_TOLERANCE) | (scored.scores > 1 + _SUM_TOLERANCE)).any(axis=1)
    if bad := int(np.count_nonzero(off | outside)):
        raise StageError(
            f"{bad:,} of {scored.rows:,} {part} rows have scores that are not probabilities",
            where=f"predictions_{part}.parquet",
            fix="a classifier's scores lie between 0 and 1 and sum to 1 in each row",
        )
    if target.size and (target.min() < 0 or target.max() >= scored.classes or (target != scored.target).any()):
        raise StageError(
            f"the {part} targets are not class indices 0 to {scored.classes - 1}",
            where=f"predictions_{part}.parquet",
            fix="make the features and the model again from one split",
        )
    return Scored(np.clip(scored.scores, 0, 1), target, scored.weight, scored.weighed)
