"""An XGBoost fit: parameters, data, callbacks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from mlops.errors import StageError
from mlops.formats import Prepared
from mlops.formats.features import PreparedFacts
from mlops.formats.weights import row_weights
from mlops.stage import Context
from mlops_xgboost.fitted import FittedTrees

if TYPE_CHECKING:
    from mlops_xgboost.booster import XGBoost

__all__ = ["fit"]

_OWN = {"rounds", "early_stopping", "class_weight", "loss", "device"}
_CLASSES = {"binary": ("binary:logistic", "logloss"), "multiclass": ("multi:softprob", "mlogloss")}
_LOSSES = {
    "squared": ("reg:squarederror", "rmse"),
    "absolute": ("reg:absoluteerror", "mae"),
    "huber": ("reg:pseudohubererror", "mphe"),
}
_NORMAL_QUARTILES = 1.349
"""Distance between the quartiles of a normal distribution, in standard deviations."""


def fit(model: XGBoost, prepared: Prepared, *, context: Context) -> FittedTrees:
    """Grow trees on train rows, watching the loss on train and validation rows.

    Raises:
        StageError: XGBoost refuses the data or the parameters.
    """
    facts = prepared.facts
    facts.refuse_tokens("XGBoost")
    parameters = _parameters(model, prepared, context=context)
    curves: dict[str, dict[str, list[float]]] = {}
    try:
        with _warnings_to_log(context):
            data = _data(model, prepared, threads=context.cpus)
            booster = xgboost.train(
                parameters,
                data["train"],
                num_boost_round=model.rounds,
                evals=[(rows, part) for part, rows in data.items()],
                evals_result=curves,
                callbacks=_callbacks(model, watched="validation" in data, context=context),
                verbose_eval=False,
            )
    except xgboost.core.XGBoostError as exc:
        raise StageError(f"XGBoost cannot fit: {_reason(exc)}") from exc
    best = booster.best_iteration + 1 if booster.attr("best_iteration") else booster.num_boosted_rounds()
    context.metric("best_iteration", best)
    history = {f"{part}_loss": next(iter(found.values())) for part, found in curves.items()}
    context.metric("rounds", len(history["train_loss"]))
    trees = bytes(booster[:best].save_raw("json"))
    return FittedTrees(trees, facts=facts, history=history, threads=context.cpus)


def _parameters(model: XGBoost, prepared: Prepared, *, context: Context) -> dict[str, Any]:
    facts = prepared.facts
    objective, metric = _LOSSES[model.loss] if facts.task == "regression" else _CLASSES[facts.task]
    many = {"num_class": len(facts.classes)} if facts.task == "multiclass" else {}
    robust = _huber(prepared) if objective == "reg:pseudohubererror" else {}
    return {
        **model.model_dump(exclude=_OWN),
        **many,
        **robust,
        "objective": objective,
        "eval_metric": metric,
        "tree_method": "hist",
        "device": _device(model, context=context),
        "nthread": context.cpus,
        "seed": context.seed % 2**31,
        "verbosity": 1,
    }


def _huber(prepared: Prepared) -> dict[str, float]:
    """Give the pseudo-Huber loss the target's scale; left to itself it assumes deviations of about 1."""
    low, middle, high = np.quantile(prepared.target("train"), [0.25, 0.5, 0.75])
    return {"huber_slope": float((high - low) / _NORMAL_QUARTILES or 1.0), "base_score": float(middle)}


def _device(model: XGBoost, *, context: Context) -> str:
    """Take what the plan says, or what the recipe does; the library's build has the last word."""
    wanted = {choice.key: choice.value for choice in model.resolve(context.machine)}.get("device", model.device)
    if wanted == "cuda" and not xgboost.build_info().get("USE_CUDA"):
        if model.device == "cuda":
            raise StageError(
                "the installed XGBoost cannot use a GPU",
                fix="pip install xgboost in place of xgboost-cpu, or set model.device: auto",
            )
        return "cpu"
    return wanted


def _data(model: XGBoost, prepared: Prepared, *, threads: int) -> dict[str, xgboost.DMatrix]:
    """Train and, when it has rows, validation."""
    facts, balanced = prepared.facts, model.class_weight == "balanced"
    types = _types(facts)
    made: dict[str, xgboost.DMatrix] = {
        "train": xgboost.QuantileDMatrix(
            prepared.matrix("train"),
            prepared.target("train"),
            weight=row_weights(prepared, "train", balanced=balanced),
            feature_types=types,
            max_bin=model.max_bin,
            nthread=threads,
        )
    }
    if prepared.rows("validation"):
        # Not cut into the train rows' bins: those have no place for a category that only validation rows have.
        made["validation"] = xgboost.DMatrix(
            prepared.matrix("validation"),
            prepared.target("validation"),
            weight=row_weights(prepared, "validation", balanced=balanced),
            feature_types=types,
            nthread=threads,
        )
    return made


def _types(facts: PreparedFacts) -> list[str]:
    coded = frozenset(facts.categorical)
    return ["c" if name in coded else "q" for name in facts.features]


def _callbacks(model: XGBoost, *, watched: bool, context: Context) -> list[xgboost.callback.TrainingCallback]:
    made: list[xgboost.callback.TrainingCallback] = [_Report(model.rounds, context)]
    if watched and model.early_stopping:
        made.append(xgboost.callback.EarlyStopping(rounds=model.early_stopping, data_name="validation"))
    return made


class _Report(xgboost.callback.TrainingCallback):  # type: ignore[misc] # the library is untyped
    """Says after each round how far the fit is."""

    def __init__(self, rounds: int, context: Context) -> None:
        super().__init__()
        self._rounds, self._context = rounds, context

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, list[float]]]) -> bool:  # noqa: ARG002 - the library's signature
        """Report each part's loss; never stop."""
        for part, losses in evals_log.items():
            self._context.metric(f"{part}_loss", next(iter(losses.values()))[-1], step=epoch)
        name, found = list(evals_log.items())[-1]
        self._context.progress(epoch + 1, self._rounds, f"{name} loss {next(iter(found.values()))[-1]:.5g}")
        return False


def _reason(exc: Exception) -> str:
    """Take the sentence out of a message that leads with a place in C++ code and ends with a stack."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    kept = lines[: next((at for at, line in enumerate(lines) if line.startswith("Stack trace")), None)]
    return " ".join(kept).rpartition("Check failed: ")[2] or str(exc)


@contextmanager
def _warnings_to_log(context: Context) -> Iterator[None]:
    """Hand what the library warns of to the log, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for message in dict.fromkeys(str(item.message).strip() for item in caught):
        context.log.warning("XGBoost: %s", message)
