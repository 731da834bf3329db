"""The naive model that a real one must beat: the same answer for every row, learnt from the train part."""

from __future__ import annotations

import numpy as np

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops_evaluate.scored import Floats, Scored

__all__ = ["constant_scores", "with_constant"]


def constant_scores(prepared: Prepared) -> Floats:
    """Learn the constant: each class's share of the train part, or its mean target, by weight.

    Returns:
        Probabilities (classes,), or a value (1,).

    Raises:
        StageError: the train part has no rows, or none that weighs.
    """
    target = prepared.target("train")
    if not target.size:
        raise StageError("the train part has no rows", fix="give the split a smaller share for validation and test")
    weight = prepared.weight("train")
    weight = np.ones(target.size) if weight is None else weight.astype(np.float64)
    if weight.sum() <= 0:
        raise StageError("the rows of the train part have no weight", fix="give some rows a weight of more than 0")
    if prepared.facts.task == "regression":
        return np.array([np.sum(target * weight) / weight.sum()])
    counts = np.bincount(target, weights=weight, minlength=len(prepared.facts.classes))
    shares: Floats = counts / counts.sum()
    return shares


def with_constant(scored: Scored, scores: Floats) -> Scored:
    """Give every row of a part the same scores (classes,)."""
    return Scored(np.tile(scores, (scored.rows, 1)), scored.target, scored.weight, scored.weighed)
