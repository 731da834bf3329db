"""A linear fit: one for each strength of the path, the best on validation rows is kept."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mlops.errors import StageError
from mlops.formats import Prepared
from mlops.formats.features import PreparedFacts
from mlops.formats.splits import PartName
from mlops.formats.weights import row_weights
from mlops.stage import Context
from mlops_sklearn.design import Design
from mlops_sklearn.fitted import FittedLinear, Weights
from mlops_sklearn.solving import solver_for

if TYPE_CHECKING:
    from mlops_sklearn.linear import Linear

__all__ = ["fit"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Rows:
    """One part, ready for a solver."""

    design: Array
    target: Array
    weight: Array | None


def fit(model: Linear, prepared: Prepared, *, context: Context) -> FittedLinear:
    """Fit on train rows, choosing the strength on validation rows.

    Raises:
        StageError: a feature is missing in some train row.
    """
    facts = prepared.facts
    facts.refuse_tokens("a linear model")
    matrix = prepared.matrix("train")
    _refuse_missing(matrix, facts)
    design = Design.of(matrix, facts)
    train = _rows(prepared, "train", design, model=model)
    validation = _rows(prepared, "validation", design, model=model)
    # One thread: the sums then have one order, so the weights are the same bits on any machine's cores.
    with threadpool_limits(limits=1), _warnings_to_log(context):
        tried = list(_path(model, train, validation, facts=facts, context=context))
    best = min(range(len(tried)), key=lambda index: tried[index][1])
    chosen = Weights(task=facts.task, design=design, **tried[best][0])
    context.metric("strength", _strengths(model, validation, context=context)[best])
    history = {"validation_loss": [loss for _, loss in tried]} if len(tried) > 1 else {}
    return FittedLinear(chosen, importances=_importances(chosen, train.design, facts), history=history)


def _refuse_missing(matrix: Array, facts: PreparedFacts) -> None:
    broken = np.flatnonzero(~np.isfinite(matrix).all(axis=0))
    if len(broken):
        names = ", ".join(facts.features[index] for index in broken[:5])
        raise StageError(
            f"a linear model takes no missing values, but these features have some: {names}",
            fix="set features.numeric.impute to median, mean or constant, or choose model=lightgbm",
        )


def _rows(prepared: Prepared, part: PartName, design: Design, *, model: Linear) -> _Rows:
    weight = row_weights(prepared, part, balanced=model.class_weight == "balanced")
    return _Rows(design.expand(prepared.matrix(part)), prepared.target(part), weight)


def _strengths(model: Linear, validation: _Rows, *, context: Context) -> tuple[float, ...]:
    if model.strength is not None:
        return (model.strength,)
    if not len(validation.target):
        context.log.warning("no validation rows to choose the strength on: 1.0 is taken")
        return (1.0,)
    return tuple(sorted(model.path, reverse=True))


def _path(
    model: Linear, train: _Rows, validation: _Rows, *, facts: PreparedFacts, context: Context
) -> Iterator[tuple[dict[str, Any], float]]:
    """Weights and validation loss of each strength, strongest first so that each fit starts from the last."""
    solver = solver_for(model, facts.task, seed=context.seed)
    strengths = _strengths(model, validation, context=context)
    for done, strength in enumerate(strengths, start=1):
        coefficients, intercept = solver(strength, train.design, train.target, train.weight)
        loss = _loss(coefficients, intercept, validation, facts=facts)
        context.progress(done, len(strengths), f"strength {strength:g}, validation loss {loss:.5g}")
        yield {"coefficients": coefficients.tolist(), "intercept": intercept.tolist()}, loss


def _loss(coefficients: Array, intercept: Array, rows: _Rows, *, facts: PreparedFacts) -> float:
    """Mean −ln p of the true class, or mean squared error, on validation rows (0 when there are none)."""
    if not len(rows.target):
        return 0.0
    margin = rows.design @ coefficients.T + intercept
    if facts.task == "regression":
        return float(np.average((margin[:, 0] - rows.target) ** 2, weights=rows.weight))
    if facts.task == "binary":
        margin = np.column_stack([np.zeros(len(margin)), margin])
    chosen = margin[np.arange(len(margin)), rows.target]
    return float(np.average(np.logaddexp.reduce(margin, axis=1) - chosen, weights=rows.weight))


def _importances(weights: Weights, design: Array, facts: PreparedFacts) -> dict[str, float]:
    """Share of each feature in Σ |weight| × deviation of its design columns on train rows."""
    effect = np.abs(np.asarray(weights.coefficients)).mean(axis=0) * design.std(axis=0)
    total = np.bincount(weights.design.features, weights=effect, minlength=len(facts.features))
    return dict(zip(facts.features, (total / (total.sum() or 1.0)).tolist(), strict=True))


@contextmanager
def _warnings_to_log(context: Context) -> Iterator[None]:
    """Hand a solver's warning that it has not converged to the log, once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        yield
    for message in dict.fromkeys(str(item.message).splitlines()[0] for item in caught):
        context.log.warning("%s (raise model.max_iter, or scale the features)", message)
