"""Features that are not worth keeping, judged on training rows: constant, doubled, or saying little of the target."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops_features.information import mutual_information
from mlops_features.options import Screening
from mlops_features.plan import Plan
from mlops_features.pruning import without
from mlops_features.supervision import Supervision
from mlops_features.transform import prepare_train

__all__ = ["screen"]

Singles = np.ndarray[Any, np.dtype[np.float32]]

_ROWS, _CELLS = 100_000, 30_000_000
"""Most rows, and numbers in all, that are looked at side by side."""

_DIGITS = 6
"""Correlations are rounded to so many digits: their last bits differ with the number of threads."""


def screen(
    plan: Plan, train: pl.LazyFrame, *, options: Screening, supervision: Supervision, log: logging.Logger
) -> Plan:
    """Leave features out.

    Args:
        plan: fitted features.
        train: the rows that they were fitted on.
        options: what to leave out.
        supervision: target of the same rows.
        log: told of each feature left out, and why.

    Raises:
        StageError: nothing would be left.
    """
    left: dict[str, str] = {}
    made = prepare_train(train, plan).select(plan.singles)
    if options.drop_constant:
        left |= _constant(made)
    if options.max_correlation is not None or options.top is not None:
        left |= _judged(made, [name for name in plan.singles if name not in left], options, supervision=supervision)
    for name, reason in left.items():
        log.info("the feature %r is left out: %s", name, reason)
    smaller = without(plan, frozenset(left))
    if not smaller.names:
        raise StageError("features.select leaves no feature", fix="take features.select.drop_constant away")
    return smaller


def _constant(made: pl.LazyFrame) -> Mapping[str, str]:
    """Features of one value; NaN is a value too. Extremes and counts do not depend on the order of rows."""
    figures = {"low": pl.all().min(), "high": pl.all().max(), "missing": pl.all().is_nan().sum()}
    lazy = [made.select(figure) for figure in (*figures.values(), pl.all().len())]
    low, high, missing, rows = (frame.row(0, named=True) for frame in pl.collect_all(lazy, engine="streaming"))
    same = {name for name in low if low[name] == high[name] and not missing[name]}
    return {name: "it is constant" for name in low if name in same or missing[name] == rows[name]}


def _judged(
    made: pl.LazyFrame, names: Sequence[str], options: Screening, *, supervision: Supervision
) -> Mapping[str, str]:
    total = len(supervision.values)
    rows = max(1, min(_ROWS, _CELLS // max(1, len(names))))
    step = -(-total // rows)
    every = made.select(names).with_row_index("__row__").filter(pl.col("__row__") % step == 0).drop("__row__")
    matrix = every.collect(engine="streaming").to_numpy()
    left: dict[str, str] = {}
    if options.max_correlation is not None:
        left |= _doubled(matrix, names, limit=options.max_correlation)
    if options.top is not None:
        kept = [place for place, name in enumerate(names) if name not in left]
        told = [mutual_information(matrix[:, place], supervision.values[::step], supervision.classes) for place in kept]
        order = sorted(range(len(kept)), key=lambda place: -round(told[place], _DIGITS))
        left |= {
            names[
                kept[place]
            ]: f"it is not among the {options.top} that tell most of the target ({told[place]:.4f} nats)"
            for place in sorted(order[options.top :])
        }
    return left


def _doubled(matrix: Singles, names: Sequence[str], *, limit: float) -> Mapping[str, str]:
    """Features that go with an earlier one that is kept."""
    correlation = _correlation(matrix)
    kept: list[int] = []
    left = {}
    for place, name in enumerate(names):
        twin = next((other for other in kept if correlation[place, other] > limit), None)
        if twin is None:
            kept.append(place)
        else:
            left[name] = f"its correlation with {names[twin]!r} is {correlation[place, twin]:.4f} in size"
    return left


def _correlation(matrix: Singles) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Sizes of Pearson's correlations of columns; a missing number counts as the column's mean."""
    numbers = matrix.astype(np.float64)
    present = np.isfinite(numbers)
    counts = np.maximum(present.sum(axis=0), 1)
    means = np.where(present, numbers, 0.0).sum(axis=0) / counts
    centred = np.where(present, numbers - means, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0))
    scaled = centred / np.where(spread > 0, spread, 1.0)
    sizes: np.ndarray[Any, np.dtype[np.float64]] = np.abs(scaled.T @ scaled)
    return sizes.round(_DIGITS)
