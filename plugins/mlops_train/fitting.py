"""The work of the train stage, step by step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats import Model, Prepared
from mlops.formats.features import PreparedFacts
from mlops.formats.model import Estimator, Fitted, ModelFacts
from mlops.formats.splits import PartName
from mlops.stage import Context
from mlops_train.loss import loss

__all__ = ["train"]

Array = np.ndarray[Any, Any]

HELD_OUT: tuple[PartName, ...] = ("validation", "test")

_ROWS = 131_072
"""Rows predicted at a time; a row group of what is read."""


def train(model: Estimator, prepared: Prepared, *, context: Context) -> Model:
    """Fit on train rows, predict the parts held out, write the model."""
    facts = prepared.facts
    told: set[tuple[str, int | None]] = set()
    fitted = model.fit(prepared, context=replace(context, on_metric=_noting(told, context)))
    predictions: dict[str, pl.DataFrame] = {
        part: _predictions(fitted, prepared, part, facts=facts) for part in HELD_OUT
    }
    history = {name: [float(value) for value in curve] for name, curve in fitted.history().items()}
    _record(history, told, context=context)
    if predictions["validation"].height:
        name, value = loss(predictions["validation"], facts.task)
        context.metric(f"validation_{name}", value)
    described = ModelFacts(
        family=f"{type(model).__module__}.{type(model).__qualname__}",
        task=facts.task,
        target=facts.target,
        features=facts.features,
        classes=facts.classes,
        importances={name: float(value) for name, value in fitted.importances().items()},
        history=history,
    )
    return Model.create(context.output("model"), fitted, facts=described, predictions=predictions)


def _predictions(fitted: Fitted, prepared: Prepared, part: PartName, *, facts: PreparedFacts) -> pl.DataFrame:
    """Columns ``score_0 …`` float64, ``__target__`` and, when weighed, ``__weight__``; features are read in batches."""
    width = len(facts.classes) or 1
    weight = np.empty(0) if prepared.weighed else None
    made = [_scored(np.empty((0, width)), target=prepared.target(part)[:0], weight=weight)]
    for batch in prepared.batches(part, rows=_ROWS):
        scores = fitted.predict(batch.matrix)
        _check(scores, rows=len(batch.matrix), width=width)
        made.append(_scored(scores, target=batch.target, weight=batch.weight))
    return pl.concat(made)


def _scored(scores: Array, *, target: Array, weight: Array | None) -> pl.DataFrame:
    columns = {f"score_{index}": scores[:, index] for index in range(scores.shape[1])} | {"__target__": target}
    return pl.DataFrame(columns | ({} if weight is None else {"__weight__": weight}))


def _check(scores: np.ndarray[Any, Any], *, rows: int, width: int) -> None:
    if scores.shape != (rows, width):
        raise StageError(f"the model predicts an array {scores.shape} where ({rows}, {width}) is expected")
    if not np.isfinite(scores).all():
        raise StageError(
            "the model predicts values that are no numbers",
            fix="the fit diverged, or the model takes no missing values: try features.numeric.impute: median",
        )


def _noting(told: set[tuple[str, int | None]], context: Context) -> Callable[[str, float, int | None], None]:
    """Pass metrics on, noting what the family tells while it learns."""

    def on_metric(name: str, value: float, step: int | None) -> None:
        told.add((name, step))
        context.on_metric(name, value, step)

    return on_metric


def _record(
    history: Mapping[str, Sequence[float]], told: Collection[tuple[str, int | None]], *, context: Context
) -> None:
    """Record what of the training curves was not told yet."""
    for name, curve in history.items():
        for step, value in enumerate(curve):
            if (name, step) not in told:
                context.metric(name, value, step=step)
