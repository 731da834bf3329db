"""The fit of any estimator of scikit-learn, and the proof that its graph predicts the same."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import parallel_config  # type: ignore[import-untyped] # it has no annotations
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from mlops.errors import StageError
from mlops.formats import Prepared
from mlops.formats.features import PreparedFacts
from mlops.formats.weights import row_weights
from mlops.stage import Context
from mlops_sklearn.design import Design, Floats, Singles
from mlops_sklearn.exporting import Wiring, exported
from mlops_sklearn.naming import class_of, made
from mlops_sklearn.wrapped import FittedWrapped, Told

if TYPE_CHECKING:
    from mlops_sklearn.estimator import Sklearn

__all__ = ["fit"]

_PROOF_ROWS = 2_000
"""Train rows on which graph and estimator are compared; neighbours of neighbours take long for more."""


def fit(model: Sklearn, prepared: Prepared, *, context: Context) -> FittedWrapped:
    """Fit on train rows and export.

    Raises:
        StageError: there is no such estimator or parameter, it gives no probabilities, refuses the data, or
            cannot be shipped as ONNX.
    """
    facts = prepared.facts
    facts.refuse_tokens("a scikit-learn estimator")
    cls = class_of(model.estimator, facts.task)
    machine: Any = made(cls, model.params, seed=context.seed)
    _refuse_without_probabilities(machine, facts)
    matrix = prepared.matrix("train")
    design = Design.of(matrix, facts) if model.codes == "onehot" else Design(plain=(*range(matrix.shape[1]),), flags=())
    weights = _weights(model, machine, prepared, context=context)
    context.progress(0, 1, f"fitting {cls.__name__}")
    with _quiet(context), _threads(context):
        _learn(machine, design.expand(matrix), prepared.target("train"), weights)
    wiring = Wiring(design, matrix.shape[1], len(facts.classes), _seen(machine, facts))

    def native(rows: Singles) -> Floats:
        # One thread, so that the sums over trees have one order.
        with threadpool_limits(limits=1):
            return _predicted(machine, wiring, rows)

    proof = matrix[:: max(1, len(matrix) // _PROOF_ROWS)]
    graph = exported(machine, wiring, rows=proof, expected=native(proof))
    context.progress(1, 1, f"fitted {cls.__name__}")
    told = Told(
        name=f"{cls.__module__}.{cls.__qualname__}",
        params={key: list(value) if isinstance(value, tuple) else value for key, value in model.params.items()},
        importances=_importances(machine, design.expand(proof), design=design, facts=facts),
        history=_history(machine),
    )
    return FittedWrapped(graph, facts=facts, told=told, native=native)


def _refuse_without_probabilities(machine: Any, facts: PreparedFacts) -> None:
    if facts.classes and not hasattr(machine, "predict_proba"):
        raise StageError(
            f"{type(machine).__name__} gives no probabilities, which classification needs here",
            where="model.estimator",
            fix="choose one with predict_proba, such as RandomForest, HistGradientBoosting or LogisticRegression; "
            "for support vectors, CalibratedClassifierCV calibrates a linear one",
        )


def _weights(model: Sklearn, machine: Any, prepared: Prepared, *, context: Context) -> Floats | None:
    balanced = model.class_weight == "balanced"
    weights = row_weights(prepared, "train", balanced=balanced)
    if weights is None or has_fit_parameter(machine, "sample_weight"):
        return weights
    name = type(machine).__name__
    if balanced and prepared.facts.classes:
        raise StageError(
            f"{name} takes no row weights, so its classes cannot be balanced",
            where="model.class_weight",
            fix="set class_weight: none, or choose another estimator",
        )
    context.log.warning("%s takes no row weights: every row counts the same in its fit", name)
    return None


def _learn(machine: Any, design: Floats, target: Any, weights: Floats | None) -> None:
    given = {} if weights is None else {"sample_weight": weights}
    try:
        machine.fit(design, target, **given)
    except (ValueError, TypeError, FloatingPointError, np.linalg.LinAlgError) as exc:
        name, reason = type(machine).__name__, str(exc).strip().splitlines()[0]
        missing = not np.isfinite(design).all()
        fix = "set features.numeric.impute to median, mean or constant" if missing else "see model.params"
        raise StageError(f"{name} cannot fit: {reason}", where="model.estimator", fix=fix) from exc


def _seen(machine: Any, facts: PreparedFacts) -> tuple[int, ...]:
    return tuple(int(label) for label in machine.classes_) if facts.classes else ()


def _predicted(machine: Any, wiring: Wiring, rows: Singles) -> Floats:
    """Score prepared rows; a class that training never saw has probability 0."""
    design = wiring.design.expand(rows)
    if not wiring.classes:
        return np.asarray(machine.predict(design), dtype=np.float64).reshape(len(rows), 1)
    scores = np.zeros((len(rows), wiring.classes))
    scores[:, list(wiring.seen)] = machine.predict_proba(design)
    return scores


def _importances(machine: Any, rows: Floats, *, design: Design, facts: PreparedFacts) -> dict[str, float]:
    """Share of each feature: of the estimator's own importances, or of Σ |weight| × deviation of its columns."""
    found = getattr(machine, "feature_importances_", None)
    if found is None and hasattr(machine, "coef_"):
        found = np.abs(np.atleast_2d(machine.coef_)).mean(axis=0) * rows.std(axis=0)
    if found is None or np.shape(found) != (rows.shape[1],) or not np.isfinite(found).all():
        return {}
    total = np.bincount(design.features, weights=np.maximum(found, 0), minlength=len(facts.features))
    return dict(zip(facts.features, (total / (total.sum() or 1.0)).tolist(), strict=True))


def _history(machine: Any) -> dict[str, list[float]]:
    """Loss of each round on train rows: neural networks and gradient boosting keep it."""
    curve = getattr(machine, "loss_curve_", None)
    if curve is None and hasattr(machine, "estimators_"):
        curve = getattr(machine, "train_score_", None)
    return {"train_loss": [float(value) for value in curve]} if curve is not None and len(curve) > 1 else {}


@contextmanager
def _threads(context: Context) -> Iterator[None]:
    """Give trees their threads, in this process; matrix products get one, so that sums have one order."""
    limits = {"blas": 1, "openmp": context.cpus}
    with parallel_config(backend="threading", n_jobs=context.cpus), threadpool_limits(limits=limits):
        yield


@contextmanager
def _quiet(context: Context) -> Iterator[None]:
    """Hand what the estimator warns of to the log, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for message in dict.fromkeys(str(item.message).strip().splitlines()[0] for item in caught):
        context.log.warning("scikit-learn: %s", message)
