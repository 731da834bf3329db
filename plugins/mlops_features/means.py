"""Means of the target by category, such that no training row is told its own target.

A category's mean is drawn towards the mean of all rows as D. Micci-Barreca, "A preprocessing scheme
for high-cardinality categorical attributes in classification and prediction problems", SIGKDD
Explorations 3 (2001), 27–32, has it, with n/(n + m) as the weight of the category's own mean.
Training rows are encoded with the means of the folds that they are not in, as scikit-learn's
``TargetEncoder`` does; all other rows with the means of all training rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops_features.supervision import Supervision

__all__ = ["Crossed", "Means", "fold_of", "means_of"]

Doubles = np.ndarray[Any, np.dtype[np.float64]]
Singles = np.ndarray[Any, np.dtype[np.float32]]
Whole = np.ndarray[Any, np.dtype[np.int64]]

_ODD = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""Numbers of the generator SplitMix64: G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014, 453–472."""


@dataclass(frozen=True, eq=False)
class Crossed:
    """Means for training rows, fold by fold."""

    table: Singles
    """(folds, codes, outcomes): means of the rows that are not in the fold."""

    seed: int

    def look_up(self, rows: Whole, codes: Whole, *, outcome: int) -> Singles:
        """Find the means for training rows of these numbers and codes, (rows,) both."""
        found: Singles = self.table[fold_of(rows, folds=len(self.table), seed=self.seed), codes, outcome]
        return found


@dataclass(frozen=True, eq=False)
class Means:
    """Means by category."""

    table: Singles
    """(codes, outcomes): means of all training rows; the last code stands for any other category."""

    endings: tuple[str, ...]
    crossed: Crossed


def means_of(codes: Whole, supervision: Supervision, *, known: int, smoothing: float, folds: int) -> Means:
    """Compute the means of each category.

    Args:
        codes: (rows,) 0 to known; ``known`` itself is any other category.
        supervision: target and weight of the same rows.
        known: how many categories have a code of their own.
        smoothing: weight of the mean of all rows in each category.
        folds: how many folds the rows are divided into.
    """
    fold = fold_of(np.arange(len(codes)), folds=folds, seed=supervision.seed)
    cell = codes * folds + fold
    weight = _sums(cell, supervision.weight, shape=(known + 1, folds))
    whole, crossed, endings = [], [], []
    for ending, outcome in supervision.outcomes():
        total = _sums(cell, supervision.weight * outcome, shape=(known + 1, folds))
        whole.append(_means(total.sum(axis=1), weight.sum(axis=1), smoothing=smoothing))
        # Sums of the other folds, not the whole less the fold: a rest of nothing must be nothing.
        others = [np.arange(folds) != number for number in range(folds)]
        crossed.append(
            [_means(total[:, own].sum(axis=1), weight[:, own].sum(axis=1), smoothing=smoothing) for own in others]
        )
        endings.append(ending)
    table = np.array(crossed, np.float32).transpose(1, 2, 0)
    return Means(np.array(whole, np.float32).T, tuple(endings), Crossed(table, supervision.seed))


def fold_of(rows: Whole, *, folds: int, seed: int) -> Whole:
    """Put rows into folds: each run of ``folds`` rows has one in every fold, at a place that the seed decides.

    Args:
        rows: numbers of rows (rows,).
        folds: how many folds there are.
        seed: decides which row goes where.
    """
    shift = _mixed((rows // folds).astype(np.uint64) + _mixed(np.array([seed], np.uint64))) % np.uint64(folds)
    return (rows + shift.astype(np.int64)) % folds


def _mixed(numbers: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Hash whole numbers; the arithmetic wraps around."""
    first, second, third = (np.uint64(number) for number in _ODD)
    mixed = numbers + first
    mixed = (mixed ^ (mixed >> np.uint64(30))) * second
    mixed = (mixed ^ (mixed >> np.uint64(27))) * third
    return mixed ^ (mixed >> np.uint64(31))


def _sums(cell: Whole, numbers: Doubles, *, shape: tuple[int, int]) -> Doubles:
    """Sum numbers by cell, in the order of the rows."""
    sums = np.bincount(cell, weights=numbers, minlength=shape[0] * shape[1])
    return sums.astype(np.float64, copy=False).reshape(shape)


def _means(total: Doubles, weight: Doubles, *, smoothing: float) -> Doubles:
    """Mean of each code drawn towards that of all; the last code, and one without weight, has that of all."""
    everything = float(weight.sum())
    overall = float(total.sum()) / everything if everything else 0.0
    made = np.full(len(total), overall)
    seen = weight > 0
    made[seen] = (total[seen] + smoothing * overall) / (weight[seen] + smoothing)
    made[-1] = overall
    return made
