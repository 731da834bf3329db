"""From which score on a row is called positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlops.errors import StageError
from mlops_evaluate.ranking import Order
from mlops_evaluate.scored import Scored

__all__ = ["Threshold", "choose_threshold"]


@dataclass(frozen=True)
class Threshold:
    """A threshold and where it comes from."""

    value: float
    origin: str


def choose_threshold(asked: float | Literal["best_f1"], validation: Scored) -> Threshold:
    """Take the threshold of the recipe, or the one with the best F1 on validation.

    Raises:
        StageError: best F1 was asked for and validation has no positive rows.
    """
    if asked != "best_f1":
        return Threshold(asked, "given")
    if not validation.rows or validation.weight[validation.target == 1].sum() <= 0:
        raise StageError(
            "no threshold can be chosen: the validation part has no positive rows",
            where="threshold of the evaluate stage",
            fix="set threshold to a number such as 0.5, or give validation more rows",
        )
    order = Order(validation.positive, validation.target == 1)
    found, called = order.counts(validation.weight)
    best = int(np.argmax(2 * found / (called + found[-1])))
    return Threshold(float(order.thresholds[best]), "best F1 on validation")
