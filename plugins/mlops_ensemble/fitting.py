"""A fit of an ensemble: each member, then the weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlops.formats import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.stage import Context
from mlops_ensemble.fitted import FittedEnsemble, Member, averaged
from mlops_ensemble.greedy import Truth, select

if TYPE_CHECKING:
    from mlops_ensemble.ensemble import Ensemble

__all__ = ["fit"]


def fit(model: Ensemble, prepared: Prepared, *, context: Context) -> FittedEnsemble:
    """Fit every member on train rows; without validation rows all count the same."""
    fitted = [_member(model.members, index, prepared, context=context) for index in range(len(model.members))]
    weights = _weights(model, fitted, prepared)
    kept = [index for index, weight in enumerate(weights) if weight]
    members = tuple(Member(fitted[index].onnx(), weights[index], fitted[index]) for index in kept)
    context.metric("members", len(members))
    facts = prepared.facts
    return FittedEnsemble(
        members,
        len(facts.features),
        len(facts.classes) or 1,
        averaged([fitted[index].importances() for index in kept], [weights[index] for index in kept]),
        context.cpus,
    )


def _member(members: tuple[Estimator, ...], index: int, prepared: Prepared, *, context: Context) -> Fitted:
    """Fit one member, in a folder and with a checkpoint of its own; what it tells is told under its number."""
    folder = context.folder / f"member_{index}"
    folder.mkdir()
    own = replace(
        context,
        folder=folder,
        resume=None if context.resume is None else context.resume / f"member_{index}",
        on_metric=lambda name, value, step: context.on_metric(f"member_{index}.{name}", value, step),
        on_progress=lambda done, total, note: context.on_progress(
            index + done / (total or 1), len(members), f"member {index + 1}: {note}"
        ),
    )
    return members[index].fit(prepared, context=own)


def _weights(model: Ensemble, fitted: list[Fitted], prepared: Prepared) -> list[float]:
    if not prepared.rows("validation"):
        return [1 / len(fitted)] * len(fitted)
    matrix = prepared.matrix("validation")
    truth = Truth(prepared.facts.task, prepared.target("validation"), prepared.weight("validation"))
    return select(np.stack([item.predict(matrix) for item in fitted]), truth, rounds=model.rounds)[0]
