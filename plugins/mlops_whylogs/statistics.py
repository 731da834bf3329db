"""How far apart two distributions are, and how likely chance alone would bring them as far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["chi_square_tail", "homogeneity", "kolmogorov_tail", "rejected", "stability", "two_shares", "variation"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
_SMALLEST = 1e-4
_EXPECTED = 5.0
"""Fewest expected rows of a class in a chi-square test (Cochran 1954)."""


def kolmogorov_tail(distance: float, n: float, m: float) -> float:
    """Probability that two samples of one distribution differ by ``distance`` or more anywhere.

    The asymptotic series with the correction of Stephens (1970) for finite samples; an upper bound for
    distributions with ties.

    Args:
        distance: largest difference of the two distribution functions, 0 to 1.
        n: rows of one sample.
        m: rows of the other.
    """
    effective = math.sqrt(n * m / (n + m))
    scaled = (effective + 0.12 + 0.11 / effective) * distance
    if scaled < 0.2:  # noqa: PLR2004 - the series converges slowly there, towards 1
        return 1.0
    total = sum((-1.0) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * total))


def variation(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Total variation distance of two sets of counts: half the sum of the differences of shares, 0 to 1."""
    n, m = sum(one.values()), sum(other.values())
    if not n or not m:
        return 0.0
    return sum(abs(one.get(key, 0) / n - other.get(key, 0) / m) for key in {*one, *other}) / 2


def homogeneity(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Probability of counts so different, when both come from one distribution (Pearson's chi-square test).

    Classes that are too rare for the test are counted together.
    """
    n, m = sum(one.values()), sum(other.values())
    if not n or not m:
        return 1.0
    cells: list[tuple[float, float]] = []
    rest = [0.0, 0.0]
    for key in sorted({*one, *other}):
        pair = (one.get(key, 0), other.get(key, 0))
        if sum(pair) * min(n, m) / (n + m) >= _EXPECTED:
            cells.append(pair)
        else:
            rest = [rest[0] + pair[0], rest[1] + pair[1]]
    cells += [(rest[0], rest[1])] if sum(rest) else []
    if len(cells) < 2:  # noqa: PLR2004 - one class cannot differ
        return 1.0
    table = np.asarray(cells, dtype=np.float64)
    expected = table.sum(axis=1, keepdims=True) * np.asarray([[n, m]]) / (n + m)
    return chi_square_tail(float(((table - expected) ** 2 / expected).sum()), len(cells) - 1)


def chi_square_tail(value: float, degrees: int) -> float:
    """Probability that a chi-square variable exceeds ``value`` (Wilson and Hilferty 1931, cube-root normal)."""
    if value <= 0:
        return 1.0
    spread = 2 / (9 * degrees)
    return _normal_tail(((value / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread))


def two_shares(hits: float, n: float, other_hits: float, m: float) -> float:
    """Probability, on both sides, of two shares so different when they are one (pooled normal approximation)."""
    pooled = (hits + other_hits) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    if error == 0:
        return 1.0
    # Half a row either way (Yates): a single row among few is no evidence.
    gap = max(0.0, abs(hits / n - other_hits / m) - 0.5 * (1 / n + 1 / m))
    return min(1.0, 2 * _normal_tail(gap / error))


def stability(reference: Floats, seen: Floats) -> float:
    """Population stability index of two vectors of shares (bins,), each adding up to 1; empty bins count as 1e-4."""
    p, q = np.maximum(reference, _SMALLEST), np.maximum(seen, _SMALLEST)
    return float(((q - p) * np.log(q / p)).sum())


def rejected(p: Sequence[float], level: float) -> list[bool]:
    """Say which of several tests speak, so that any false one among them has at most probability ``level``.

    Holm's step-down procedure (1979); it needs no independence.
    """
    order = sorted(range(len(p)), key=lambda index: p[index])
    found = [False] * len(p)
    for rank, index in enumerate(order):
        if p[index] > level / (len(p) - rank):
            break
        found[index] = True
    return found


def _normal_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))
