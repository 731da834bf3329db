"""Aggregates over many ranges of one array at once, each from the values inside its range alone.

A difference of cumulative sums would be shorter, but one huge value before a range would then spoil
the sums of the ranges behind it. Here every answer depends, to the last bit, on its own values only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Ranges", "distinct", "extremes", "spreads", "totals"]

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Ranges:
    """Half-open ranges ``first <= position < end`` of an array of values."""

    first: Array
    """int64 (ranges,)."""

    end: Array
    """int64 (ranges,); never less than ``first``."""

    @property
    def sizes(self) -> Array:
        """How many values each holds, int64 (ranges,)."""
        return np.asarray(self.end - self.first)

    def narrowed(self, kept: Array) -> Ranges:
        """Give the ranges of ``values[kept]`` that hold the kept ones of each range; ``kept`` is bool (values,)."""
        before = np.concatenate([[0], np.cumsum(kept)])
        return Ranges(before[self.first], before[self.end])


def totals(values: Array, ranges: Ranges) -> Array:
    """Sum the values of each range, pairwise; 0 for an empty one. Values (n,) → (ranges,) of the same type."""
    return _merged(values, ranges, merge=np.add, empty=values.dtype.type(0))


def extremes(values: Array, ranges: Ranges, *, largest: bool) -> Array:
    """Find the smallest or largest value of each range; what stands for an empty one means nothing."""
    if values.dtype.kind == "f":
        least, most = -np.inf, np.inf
    else:
        least, most = np.iinfo(values.dtype).min, np.iinfo(values.dtype).max
    empty = values.dtype.type(least if largest else most)
    return _merged(values, ranges, merge=np.maximum if largest else np.minimum, empty=empty)


def spreads(values: Array, ranges: Ranges) -> Array:
    """Compute the standard deviation of each range as of a sample; NaN for fewer than two values.

    Moments are merged pairwise (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
    for computing sample variances", 1979), so that a large mean does not swallow a small deviation.

    Args:
        values: float64 (n,).
        ranges: which values belong together.

    Returns:
        float64 (ranges,).
    """
    moments = np.stack([np.ones_like(values), values, np.zeros_like(values)])
    count, _, squares = _merged(moments, ranges, merge=_chan, empty=np.float64(0))
    with np.errstate(all="ignore"):
        return np.asarray(np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan))


def _chan(one: Array, other: Array) -> Array:
    """Merge (count, mean, sum of squared deviations) of two sets of values, each (3, n)."""
    count = one[0] + other[0]
    apart = other[1] - one[1]
    weight = other[0] / count
    return np.stack([count, one[1] + apart * weight, one[2] + other[2] + apart * apart * one[0] * weight])


def _merged(values: Array, ranges: Ranges, *, merge: Callable[[Array, Array], Array], empty: Any) -> Array:
    """Merge the values of each range, from left to right, in blocks of 1, 2, 4, … values.

    The binary digits of a range's size say which blocks it is made of. Only one level of blocks is held
    at a time: memory is that of the values, time (values + ranges) × log2 of the largest range.
    """
    sizes, place = ranges.sizes, ranges.first.copy()
    answer = np.full((*values.shape[:-1], len(place)), empty, dtype=values.dtype)
    largest, step, blocks = int(sizes.max(initial=0)), 1, values
    with np.errstate(all="ignore"):
        while step <= largest:
            having = np.flatnonzero(sizes & step)
            answer[..., having] = merge(answer[..., having], blocks[..., place[having]])
            place[having] += step
            if 2 * step <= largest:
                blocks = merge(blocks[..., :-step], blocks[..., step:])
            step *= 2
    return answer


def distinct(codes: Array, ranges: Ranges) -> Array:
    """Count the different values of each range.

    A value counts where it occurs for the first time in the range: where its previous occurrence lies
    before the range. How many such places there are is read from a wavelet matrix of the previous
    occurrences (Claude and Navarro, "The wavelet matrix", 2012).

    Args:
        codes: int64 (n,), equal for equal values.
        ranges: which values belong together.

    Returns:
        int64 (ranges,).
    """
    level = _previous(codes)
    first, end, bound = ranges.first, ranges.end, ranges.first + 1
    answer = np.zeros(len(first), dtype=np.int64)
    for bit in reversed(range(int(len(codes) + 1).bit_length())):
        ones = (level >> bit & 1).astype(bool)
        zeros = np.concatenate([[0], np.cumsum(~ones)])
        above = (bound >> bit & 1).astype(bool)
        before_first, before_end = zeros[first], zeros[end]
        answer += np.where(above, before_end - before_first, 0)
        first = np.where(above, zeros[-1] + first - before_first, before_first)
        end = np.where(above, zeros[-1] + end - before_end, before_end)
        level = np.concatenate([level[~ones], level[ones]])
    return answer


def _previous(codes: Array) -> Array:
    """Give for each position one more than the previous one of the same code; 0 when there is none."""
    order = np.argsort(codes, kind="stable")
    found = np.zeros(len(codes), dtype=np.int64)
    same = codes[order[1:]] == codes[order[:-1]]
    found[order[1:][same]] = order[:-1][same] + 1
    return found
