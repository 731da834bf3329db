"""Which models to join, and how much each counts: greedy selection with replacement.

Caruana, Niculescu-Mizil, Crew, Ksikes: Ensemble Selection from Libraries of Models, ICML 2004.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops.formats.table import Task

__all__ = ["Truth", "loss_of", "select"]

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Truth:
    """What predictions are held against."""

    task: Task
    target: np.ndarray[Any, Any]
    """(rows,): class codes, or values."""

    weight: np.ndarray[Any, Any] | None = None
    """(rows,), not negative; all count the same when None."""


def loss_of(scores: Array, truth: Truth) -> float:
    """Judge predictions as training does.

    Args:
        scores: probabilities (rows, classes), or values (rows, 1).
        truth: the rows' targets and weights.

    Returns:
        Mean −ln p(true class), or √mean (y − ŷ)² in the target's unit.
    """
    return _loss(truth)(_relevant(scores, truth))


def select(scores: Array, truth: Truth, *, rounds: int) -> tuple[list[float], list[float]]:
    """Start from the best model; add, again and again, the one whose addition leaves the smallest loss.

    Args:
        scores: of every model, (models, rows, outputs), on validation rows.
        truth: their targets and weights.
        rounds: most additions; one model may be added several times.

    Returns:
        A weight for each model (they sum to 1), those that left the smallest loss on the way, and the
        loss after each round. No worse than the best single model.
    """
    loss = _loss(truth)
    relevant = np.stack([_relevant(model, truth) for model in scores])
    losses = [loss(model) for model in relevant]
    chosen = [int(np.argmin(losses))]
    total = relevant[chosen[0]].copy()
    curve = [losses[chosen[0]]]
    for _ in range(rounds - 1):
        found = [loss((total + model) / (len(chosen) + 1)) for model in relevant]
        chosen.append(int(np.argmin(found)))
        total += relevant[chosen[-1]]
        curve.append(found[chosen[-1]])
    kept = chosen[: int(np.argmin(curve)) + 1]
    return [kept.count(index) / len(kept) for index in range(len(relevant))], curve


def _relevant(scores: Array, truth: Truth) -> Array:
    """The numbers of a prediction that its loss depends on, (rows,): a mean of them is that of the mean prediction."""
    if truth.task == "regression":
        return scores[:, 0]
    found: Array = scores[np.arange(len(truth.target)), truth.target]
    return found


def _loss(truth: Truth) -> Callable[[Array], float]:
    if truth.task == "regression":
        return lambda found: float(np.sqrt(np.average((found - truth.target) ** 2, weights=truth.weight)))
    smallest = np.finfo(np.float64).eps
    return lambda found: float(np.average(-np.log(np.maximum(found, smallest)), weights=truth.weight))
