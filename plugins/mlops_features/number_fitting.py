"""A number of the training rows → how it becomes features."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl

from mlops_features.distribution import Distribution
from mlops_features.options import Override, TimePart
from mlops_features.pieces import Pieces, levels_of, normal_scores, quantile_bins, shares, width_bins
from mlops_features.plan import Quantity
from mlops_features.power import fit_power
from mlops_features.selection import Column

__all__ = ["fit_number", "name_of"]

_LEAST_SPREAD = 1 / float(np.finfo(np.float32).max)


def fit_number(column: Column, part: TimePart | None, values: pl.Series) -> Quantity:
    """Learn how a column, or one part of a time, is imputed and scaled.

    Args:
        column: where it comes from, with the choices made.
        part: which part of a time; none for a column of numbers.
        values: float32 training values; those that are not finite are missing.
    """
    choices = column.choices
    numbers = Distribution(values, clip=choices.clip)
    quantity = Quantity(
        name=name_of(column, part),
        column=column.name,
        part=part,
        fill=_fill(choices, numbers),
        indicator=bool(choices.indicator and choices.impute != "none" and numbers.missing),
        clip=numbers.bounds,
    )
    if choices.bins:
        return _binned(quantity, choices, numbers)
    return _scaled(quantity, choices, numbers)


def name_of(column: Column, part: TimePart | None) -> str:
    """Name a number."""
    return column.name if part is None else f"{column.name}__{part}"


def _fill(choices: Override, numbers: Distribution) -> float:
    if choices.impute in ("mean", "median"):
        return _single(numbers.mean if choices.impute == "mean" else numbers.median)
    return _single(choices.fill or 0.0) if choices.impute == "constant" else float("nan")


def _scaled(quantity: Quantity, choices: Override, numbers: Distribution) -> Quantity:
    if choices.scale == "power":
        return replace(quantity, power=fit_power(numbers.finite.to_numpy()))
    if choices.scale in ("quantile", "normal"):
        levels = levels_of(min(choices.quantiles or 2, max(2, len(numbers.finite))))
        draw = shares if choices.scale == "quantile" else normal_scores
        return replace(quantity, pieces=draw(numbers.quantiles(levels), levels))
    if choices.scale == "standard":
        return replace(quantity, centre=_single(numbers.mean), factor=_inverse(numbers.deviation))
    if choices.scale == "robust":
        return replace(quantity, centre=_single(numbers.median), factor=_inverse(numbers.interquartile))
    return quantity


def _binned(quantity: Quantity, choices: Override, numbers: Distribution) -> Quantity:
    low, high = float(numbers.quantiles([0])[0]), float(numbers.quantiles([1])[0])
    if choices.binning == "width":
        pieces = width_bins(low, high, count=choices.bins or 2)
    else:
        pieces = quantile_bins(numbers.quantiles(levels_of((choices.bins or 2) + 1)[1:-1]), low)
    flags = _flags(quantity.name, pieces) if choices.binned == "onehot" else ()
    return replace(quantity, pieces=pieces, flags=flags)


def _flags(name: str, pieces: Pieces) -> tuple[str, ...]:
    """Name bins by their edges, as short as tells them apart."""
    edges = ["-inf", *(str(np.float32(edge)) for edge in pieces.edges), "inf"]
    return tuple(f"{name}=[{low}, {high})" for low, high in pairwise(edges))


def _single(value: float) -> float:
    """Round to float32, so that Polars and the graph compute with the same number."""
    return float(np.float32(value))


def _inverse(spread: float) -> float:
    """One over the spread; one for a column that is constant, or so nearly that float32 cannot hold the inverse."""
    return _single(1 / spread) if spread > _LEAST_SPREAD else 1.0
