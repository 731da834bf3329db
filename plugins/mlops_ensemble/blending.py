"""The work of the blend stage: weights from validation predictions, and one model of all that have one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats import Model, Prepared
from mlops.formats.model import ModelFacts
from mlops.stage import Context
from mlops_ensemble.export import joined
from mlops_ensemble.fitted import FittedEnsemble, Member, averaged
from mlops_ensemble.greedy import Truth, loss_of, select

if TYPE_CHECKING:
    from mlops_ensemble.blend import Blend

__all__ = ["blend"]

Array = np.ndarray[Any, np.dtype[np.float64]]
_FAMILY = "mlops_ensemble.ensemble.Ensemble"


def blend(stage: Blend, prepared: Prepared, models: Mapping[str, Model], *, context: Context) -> Model:
    """Weigh the models and write the mean as a model.

    Raises:
        StageError: there are no models or no validation rows, or models do not belong together.
    """
    facts = _agreed(prepared, models)
    predictions = {name: model.predictions("validation") for name, model in models.items()}
    truth = _truth(next(iter(predictions.values())), facts)
    if not len(truth.target):
        raise StageError("there are no validation rows to choose weights on", fix="give the split some")
    losses = {name: loss_of(_scores(frame), truth) for name, frame in predictions.items()}
    models = _joinable(models, min(losses, key=lambda name: losses[name]), facts, context=context)
    weights, curve = select(np.stack([_scores(predictions[name]) for name in models]), truth, rounds=stage.rounds)
    for step, value in enumerate(curve):
        context.metric("ensemble_loss", value, step=step)
    kept = {name: weight for name, weight in zip(models, weights, strict=True) if weight}
    made = {part: _mean(models, kept, part) for part in ("validation", "test")}
    name = "rmse" if facts.task == "regression" else "log_loss"
    context.metric(f"validation_{name}", loss_of(_scores(made["validation"]), truth))
    context.metric("members", len(kept))
    fitted = FittedEnsemble(
        tuple(Member(models[name].graph, weight) for name, weight in kept.items()),
        len(facts.features),
        len(facts.classes) or 1,
        averaged([models[name].facts.importances for name in kept], list(kept.values())),
        context.cpus,
    )
    described = facts.model_copy(update={"family": _FAMILY, "importances": dict(fitted.weighed), "history": {}})
    return Model.create(context.output("model"), fitted, facts=described, predictions=made)


def _agreed(prepared: Prepared, models: Mapping[str, Model]) -> ModelFacts:
    """Take the facts that all models share."""
    if not models:
        raise StageError("there are no models to join", fix="name them: inputs: {a: …, b: …}")
    found = {name: model.facts for name, model in models.items()}
    first = next(iter(found.values()))
    known = (first.task, first.target, first.features, first.classes)
    for name, facts in found.items():
        if (facts.task, facts.target, facts.features, facts.classes) != known or facts.features != tuple(
            prepared.facts.features
        ):
            raise StageError(
                f"{name} was trained on other features or another target than the rest",
                fix="join models that were trained on the same prepared features",
            )
    return first


def _joinable(models: Mapping[str, Model], best: str, facts: ModelFacts, *, context: Context) -> dict[str, Model]:
    """Keep the best model and those whose graphs can stand in one graph with it and with each other."""
    kept = {best: models[best]}
    for name, model in models.items():
        graphs = [item.graph for item in (*kept.values(), model)]
        try:
            joined(graphs, [1.0] * len(graphs), width=len(facts.classes) or 1, features=len(facts.features))
        except StageError as exc:
            context.log.warning("%s (%s) is left out: %s", name, model.facts.family.rpartition(".")[2], exc.what)
        else:
            kept[name] = model
    return {name: models[name] for name in models if name in kept}


def _truth(frame: pl.DataFrame, facts: ModelFacts) -> Truth:
    weight = frame["__weight__"].to_numpy() if "__weight__" in frame.columns else None
    return Truth(facts.task, frame["__target__"].to_numpy(), weight)


def _scores(frame: pl.DataFrame) -> Array:
    """(rows, outputs)."""
    return frame.select(pl.col("^score_\\d+$")).to_numpy().astype(np.float64)


def _mean(models: Mapping[str, Model], weights: Mapping[str, float], part: str) -> pl.DataFrame:
    """Average predictions; targets and weights of rows are the same in all."""
    frames = {name: models[name].predictions(part) for name in weights}
    first = next(iter(frames.values()))
    total = np.sum([weight * _scores(frames[name]) for name, weight in weights.items()], axis=0)
    return first.with_columns(pl.Series(f"score_{index}", total[:, index]) for index in range(total.shape[1]))
