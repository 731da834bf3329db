"""The power transformation of I.-K. Yeo and R. A. Johnson, fitted by maximum likelihood.

"A new family of power transformations to improve normality or symmetry", Biometrika 87 (2000),
954–959: ψ(x) = ((x+1)^λ − 1)/λ for x ≥ 0 and −((1−x)^(2−λ) − 1)/(2−λ) for x < 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Power", "fit_power"]

Doubles = np.ndarray[Any, np.dtype[np.float64]]
Singles = np.ndarray[Any, np.dtype[np.float32]]

_TINY = 1e-8
"""An exponent nearer to 0 counts as this: there the power is all but a logarithm, and no case of its own is needed."""

_FARTHEST = 8.0
_STEPS = 45
_SAMPLE = 200_000
"""Values used to find λ; mean and deviation come from all."""


@dataclass(frozen=True)
class Power:
    """(ψ(x) − centre) × factor, computed in float64 and rounded to float32."""

    positive: float
    """Exponent for x ≥ 0: λ."""

    negative: float
    """Exponent for x < 0: 2 − λ."""

    centre: float = 0.0
    factor: float = 1.0

    def apply(self, numbers: Singles) -> Singles:
        """Compute it for float32 (rows,); NaN stays NaN."""
        with np.errstate(over="ignore", invalid="ignore"):  # the graph's arithmetic does not warn either
            made: Singles = ((self.bend(numbers.astype(np.float64)) - self.centre) * self.factor).astype(np.float32)
        return made

    def bend(self, numbers: Doubles) -> Doubles:
        """ψ(x) for float64 (rows,)."""
        exponent = np.where(numbers < 0, self.negative, self.positive)
        size = ((np.abs(numbers) + 1) ** exponent - 1) / exponent
        made: Doubles = np.where(numbers < 0, -size, size)
        return made


def fit_power(numbers: Doubles) -> Power:
    """Find the λ that makes numbers most nearly normal, then bring them to mean 0 and deviation 1.

    Args:
        numbers: finite float64 (rows,).
    """
    some = numbers[:: max(1, -(-len(numbers) // _SAMPLE))]
    logs = float(np.sum(np.sign(some) * np.log1p(np.abs(some))))
    with np.errstate(over="ignore", invalid="ignore"):
        best = _lambda(some, logs)
        bent = best.bend(numbers)
        centre, spread = float(bent.mean()), float(bent.std())
    if not (np.isfinite(centre) and np.isfinite(spread)):
        return Power(1.0, 1.0)
    return Power(best.positive, best.negative, centre, 1 / spread if spread > 0 else 1.0)


def _lambda(numbers: Doubles, logs: float) -> Power:
    """Narrow the range of λ down by the golden section; the likelihood has one peak."""
    ratio = (5**0.5 - 1) / 2
    low, high = -_FARTHEST, _FARTHEST
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = (_loss(numbers, value, logs=logs) for value in (left, right))
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = _loss(numbers, left, logs=logs)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = _loss(numbers, right, logs=logs)
    return _power((low + high) / 2)


def _loss(numbers: Doubles, value: float, *, logs: float) -> float:
    """Negative log-likelihood a row, up to a constant."""
    variance = _variance(numbers, _power(value))
    if not np.isfinite(variance):
        # Too far from 1, on whichever side.
        return 1e300 * abs(value)
    return 0.5 * float(np.log(max(variance, 1e-300))) - (value - 1) * logs / len(numbers)


def _variance(numbers: Doubles, power: Power) -> float:
    """Variance of ψ(x); of one sign, without the shift of −1/exponent, in which a small power would be lost."""
    if (numbers < 0).any() and (numbers >= 0).any():
        return float(np.var(power.bend(numbers)))
    exponent = power.positive if numbers[0] >= 0 else power.negative
    return float(np.var((np.abs(numbers) + 1) ** exponent / exponent))


def _power(value: float) -> Power:
    exponents = (value, 2 - value)
    positive, negative = (_TINY if abs(item) < _TINY else item for item in exponents)
    return Power(positive, negative)
