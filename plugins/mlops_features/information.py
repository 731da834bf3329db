"""How much a feature tells about the target: mutual information of binned numbers.

Choosing inputs by it is due to R. Battiti, "Using mutual information for selecting features in
supervised neural net learning", IEEE Transactions on Neural Networks 5 (1994), 537–550. Counting
finds too much in few rows, by (a − 1)(b − 1) / 2n for a and b bins: G. A. Miller, "Note on the bias
of information estimates", in Information Theory in Psychology (1955), 95–100.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["mutual_information"]

Numbers = np.ndarray[Any, np.dtype[Any]]
Whole = np.ndarray[Any, np.dtype[np.int64]]

_BINS = 32


def mutual_information(feature: Numbers, target: Numbers, classes: Sequence[str]) -> float:
    """Estimate what a feature tells about the target, in nats; never below 0.

    Args:
        feature: (rows,); NaN is a value of its own.
        target: (rows,): class numbers, or values when there are no classes.
        classes: labels of the target.
    """
    left, right = _bins(feature), target.astype(np.int64) if classes else _bins(target)
    counts = np.zeros((int(left.max()) + 1, int(right.max()) + 1))
    np.add.at(counts, (left, right), 1)
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    joint = counts / len(feature)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    found = float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())
    excess = (counts.shape[0] - 1) * (counts.shape[1] - 1) / (2 * len(feature))
    return max(0.0, found - excess)


def _bins(numbers: Numbers) -> Whole:
    """Number values, or bins with about as many rows each where there are many values."""
    missing = np.isnan(numbers)
    values, places = np.unique(numbers[~missing], return_inverse=True)
    if len(values) > _BINS:
        edges = np.unique(np.quantile(numbers[~missing], np.linspace(0, 1, _BINS + 1)[1:-1]))
        places = np.searchsorted(edges, numbers[~missing], side="right")
    made = np.full(len(numbers), int(places.max(initial=-1)) + 1, np.int64)
    made[~missing] = places
    return made
