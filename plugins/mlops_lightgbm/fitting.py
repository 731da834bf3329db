"""A LightGBM fit: parameters, data, callbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lightgbm

from mlops.errors import StageError
from mlops.formats import Prepared
from mlops.formats.features import PreparedFacts
from mlops.formats.splits import PartName
from mlops.formats.weights import row_weights
from mlops.stage import Context
from mlops_lightgbm.fitted import FittedTrees

if TYPE_CHECKING:
    from mlops_lightgbm.booster import LightGBM

__all__ = ["fit"]

_OWN = {"rounds", "early_stopping", "class_weight", "loss", "max_depth"}
_METRICS = {"binary": "binary_logloss", "multiclass": "multi_logloss"}
_LOSSES = {"squared": ("regression", "rmse"), "absolute": ("regression_l1", "l1"), "huber": ("huber", "huber")}


def fit(model: LightGBM, prepared: Prepared, *, context: Context) -> FittedTrees:
    """Grow trees on train rows, watching the loss on train and validation rows.

    Raises:
        StageError: LightGBM refuses the data or the parameters.
    """
    lightgbm.register_logger(_Forward(context.log))
    facts = prepared.facts
    facts.refuse_tokens("LightGBM")
    parameters = _parameters(model, facts, context=context)
    curves: dict[str, dict[str, list[float]]] = {}
    try:
        data = _datasets(prepared, parameters, balanced=model.class_weight == "balanced")
        booster = lightgbm.train(
            parameters,
            data["train"],
            num_boost_round=model.rounds,
            valid_sets=list(data.values()),
            valid_names=list(data),
            callbacks=_callbacks(model, curves, watched="validation" in data, context=context),
        )
    except lightgbm.basic.LightGBMError as exc:
        raise StageError(f"LightGBM cannot fit: {exc}") from exc
    best = booster.best_iteration or booster.current_iteration()
    context.metric("best_iteration", best)
    history = {f"{part}_loss": next(iter(found.values())) for part, found in curves.items()}
    context.metric("rounds", max(len(curve) for curve in history.values()))
    text = booster.model_to_string(num_iteration=best)
    return FittedTrees(text, facts=facts, history=history, threads=context.cpus)


def _parameters(model: LightGBM, facts: PreparedFacts, *, context: Context) -> dict[str, Any]:
    objective, metric = _LOSSES[model.loss] if facts.task == "regression" else (facts.task, _METRICS[facts.task])
    many = {"num_class": len(facts.classes)} if facts.task == "multiclass" else {}
    return {
        **model.model_dump(exclude=_OWN),
        **many,
        "objective": objective,
        "metric": metric,
        "max_depth": model.max_depth or -1,
        "num_threads": context.cpus,
        "seed": context.seed % 2**31,
        # Sums in one fixed order: the same trees on any number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": 0,
    }


def _datasets(prepared: Prepared, parameters: dict[str, Any], *, balanced: bool) -> dict[str, lightgbm.Dataset]:
    """Train and, when it has rows, validation; features are called f0, f1 … as LightGBM refuses some names."""
    facts = prepared.facts
    names = [f"f{index}" for index in range(len(facts.features))]
    categorical = [name for name, feature in zip(names, facts.features, strict=True) if feature in facts.categorical]
    made: dict[str, lightgbm.Dataset] = {}
    parts: tuple[PartName, ...] = ("train", "validation")
    for part in parts:
        if prepared.rows(part):
            made[part] = lightgbm.Dataset(
                prepared.matrix(part),
                prepared.target(part),
                weight=row_weights(prepared, part, balanced=balanced),
                reference=made.get("train"),
                feature_name=names,
                categorical_feature=categorical,
                params=parameters,
            )
    return made


def _callbacks(
    model: LightGBM, curves: dict[str, dict[str, list[float]]], *, watched: bool, context: Context
) -> list[Callable[..., Any]]:
    def report(env: lightgbm.callback.CallbackEnv) -> None:
        for part, _, loss, *_ in env.evaluation_result_list:
            context.metric(f"{part}_loss", loss, step=env.iteration)
        name, _, value, *_ = env.evaluation_result_list[-1]
        context.progress(env.iteration + 1, model.rounds, f"{name} loss {value:.5g}")

    made = [lightgbm.record_evaluation(curves), report]
    if watched and model.early_stopping:
        made.append(lightgbm.early_stopping(model.early_stopping, verbose=False))
    return made


class _Forward:
    """Hands what LightGBM has to say to the stage's log, each warning once."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: set[str] = set()

    def info(self, message: str) -> None:
        """Take what the library says itself: it marks a warning only in the text."""
        if "[Warning]" in message:
            self.warning(message.replace("[LightGBM] [Warning] ", ""))

    def warning(self, message: str) -> None:
        """Take what its Python layer warns of."""
        text = message.strip()
        if text and text not in self._said:
            self._said.add(text)
            self._log.warning("LightGBM: %s", text)
