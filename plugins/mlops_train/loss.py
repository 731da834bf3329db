"""The loss of predictions: log loss of probabilities, or root mean squared error of values."""

from __future__ import annotations

import numpy as np
import polars as pl

from mlops.formats.table import Task

__all__ = ["loss"]


def loss(predictions: pl.DataFrame, task: Task) -> tuple[str, float]:
    """Judge predictions, each row by its weight.

    Args:
        predictions: ``score_0 …``, ``__target__`` and perhaps ``__weight__``.
        task: what kind of prediction it is.

    Returns:
        The loss's name and value: mean −ln p(true class), or √mean (y − ŷ)² in the target's unit.
    """
    target = predictions["__target__"].to_numpy()
    weight = predictions["__weight__"].to_numpy() if "__weight__" in predictions.columns else None
    if task == "regression":
        error = (predictions["score_0"].to_numpy() - target) ** 2
        return "rmse", float(np.sqrt(np.average(error, weights=weight)))
    scores = predictions.select(pl.col("^score_\\d+$")).to_numpy()
    chosen = scores[np.arange(len(target)), target]
    # A probability of exactly 0 would make the loss infinite; the smallest float64 step stands for it.
    return "log_loss", float(np.average(-np.log(np.maximum(chosen, np.finfo(np.float64).eps)), weights=weight))
