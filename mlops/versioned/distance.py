"""How far a column moved between two snapshots: shares of bins, and the numbers made of them."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlops.formats.snapshot import QUANTILES, ColumnSummary

__all__ = ["Distance", "distance"]

_BINS = 10
_LEAST_SHARE = 1e-4
"""Share that an empty bin is given: the logarithm of none is not finite."""

_SMALL, _LARGE = 0.1, 0.25
"""Customary bounds of the population stability index (Siddiqi, Credit Risk Scorecards, 2006)."""

_OFTEN = 3.0
"""Times the index that chance alone gives; a smaller one says nothing."""

_MISSING = "\0missing"
_OTHER = "\0other"


@dataclass(frozen=True)
class Distance:
    """How far two columns are apart."""

    psi: float
    """Population stability index: sum over bins of (b - a) ln(b / a), missing values being a bin of their own."""

    by_chance: float
    """What samples of these sizes from one population give on average: (bins - 1) (1/n_a + 1/n_b)."""

    variation: float
    """Total variation: half the sum of |b - a|, from 0 (the same) to 1 (nothing in common)."""

    @property
    def verdict(self) -> str:
        """Say in a word how much that is."""
        if self.psi < _SMALL or self.psi < _OFTEN * self.by_chance:
            return "same" if self.psi < max(_SMALL / 5, _OFTEN * self.by_chance) else "small"
        return "large" if self.psi >= _LARGE else "moderate"


def distance(a: ColumnSummary, b: ColumnSummary, *, rows: tuple[int, int]) -> Distance | None:
    """Measure how far two columns of the same kind are apart; None when their values cannot be compared.

    Args:
        a: the older one; its deciles are the bins of numbers and times.
        b: the newer one.
        rows: of both tables.
    """
    if a.kind != b.kind or 0 in rows:
        return None
    shares = _shares(a, b, rows)
    psi = sum((new - old) * math.log(max(new, _LEAST_SHARE) / max(old, _LEAST_SHARE)) for old, new in shares)
    variation = sum(abs(new - old) for old, new in shares) / 2
    filled = sum(1 for old, new in shares if old or new)
    return Distance(psi, max(0, filled - 1) * (1 / rows[0] + 1 / rows[1]), variation)


def _shares(a: ColumnSummary, b: ColumnSummary, rows: tuple[int, int]) -> list[tuple[float, float]]:
    """Give the share of rows in each bin, in both tables."""
    absent = (a.nulls / rows[0], b.nulls / rows[1])
    if a.kind == "other":
        return [absent, (1 - absent[0], 1 - absent[1])]
    if a.kind in ("text", "flag") or (a.is_counts_all and b.is_counts_all):
        return [absent, *_counted(a, b, rows)]
    if not a.quantiles or not b.quantiles:
        return [absent, (1 - absent[0], 1 - absent[1])]
    strange = (a.unusual / rows[0], b.unusual / rows[1])
    rest = tuple(1 - lost - odd for lost, odd in zip(absent, strange, strict=True))
    cuts = _cuts(a.quantiles)
    pairs = zip(_within(a.quantiles, cuts), _within(b.quantiles, cuts), strict=True)
    return [absent, strange, *((old * rest[0], new * rest[1]) for old, new in pairs)]


def _counted(a: ColumnSummary, b: ColumnSummary, rows: tuple[int, int]) -> list[tuple[float, float]]:
    """Bins are values; those that a snapshot does not list are in one bin."""
    old, new = dict(a.counts), dict(b.counts)
    listed = [name for name in {**old, **new} if _is_known(name, a, old) and _is_known(name, b, new)]
    found = [(old.get(name, 0) / rows[0], new.get(name, 0) / rows[1]) for name in listed]
    rest = (
        1 - a.nulls / rows[0] - sum(share for share, _ in found),
        1 - b.nulls / rows[1] - sum(share for _, share in found),
    )
    return [*found, (max(0.0, rest[0]), max(0.0, rest[1]))]


def _is_known(name: str, column: ColumnSummary, counts: dict[str, int]) -> bool:
    return column.is_counts_all or name in counts


def _cuts(quantiles: Sequence[float]) -> list[tuple[float, bool]]:
    """Give the ends of the bins: a value, and whether it belongs to the bin that it ends."""
    step = QUANTILES // _BINS
    inner = sorted(set(quantiles[step:QUANTILES:step]))
    if len(inner) > 1:
        return [(value, True) for value in inner]
    return [(inner[0], False), (inner[0], True)]  # nearly all values are one: below it, it, above it


def _within(quantiles: Sequence[float], cuts: Sequence[tuple[float, bool]]) -> list[float]:
    reached = [0.0, *(_share_up_to(quantiles, value, inclusive=inclusive) for value, inclusive in cuts), 1.0]
    return [high - low for low, high in pairwise(reached)]


def _share_up_to(quantiles: Sequence[float], value: float, *, inclusive: bool) -> float:
    """Read the distribution function off the quantiles, straight between two of them."""
    place = (bisect_right if inclusive else bisect_left)(quantiles, value) - 1
    if place < 0:
        return 0.0
    if place >= QUANTILES:
        return 1.0
    low, high = quantiles[place], quantiles[place + 1]
    return (place + (value - low) / (high - low)) / QUANTILES if high > low else place / QUANTILES
