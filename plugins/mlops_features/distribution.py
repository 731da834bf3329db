"""What the training rows say about one number, each figure computed when it is asked for.

Every figure is computed on one contiguous column, so that it does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Distribution"]

Doubles = np.ndarray[Any, np.dtype[np.float64]]


class Distribution:
    """Figures of a float32 column over its finite values; a value that is not finite is missing."""

    def __init__(self, values: pl.Series, *, clip: tuple[float, float] | None = None) -> None:
        finite = values.filter(values.is_finite()).cast(pl.Float64).rechunk()
        self.missing = len(values) - len(finite)
        self.low, self.high = _number(finite.min()), _number(finite.max())
        self.bounds: tuple[float, float] | None = None
        if clip and len(finite):
            low, high = (float(np.float32(_number(finite.quantile(level, "linear")))) for level in clip)
            finite, self.bounds = finite.clip(low, high), (low, high)
        self.finite = finite

    @cached_property
    def mean(self) -> float:
        """Mean, of clipped values where they are clipped, as all that follows."""
        return _number(self.finite.mean())

    @cached_property
    def deviation(self) -> float:
        """Standard deviation, divided by the number of values."""
        return _number(self.finite.std(ddof=0))

    @cached_property
    def median(self) -> float:
        """Median."""
        return _number(self._sorted.median() if "_sorted" in self.__dict__ else self.finite.median())

    @cached_property
    def _sorted(self) -> pl.Series:
        return self.finite.sort()

    def quantiles(self, levels: Sequence[float] | Doubles) -> Doubles:
        """Quantiles, interpolated linearly.

        Returns:
            float64 (levels,).
        """
        return np.array([_number(self._sorted.quantile(float(level), "linear")) for level in levels])

    @property
    def interquartile(self) -> float:
        """Distance between the quartiles."""
        lower, upper = self.quantiles((0.25, 0.75))
        return float(upper - lower)


def _number(value: Any) -> float:
    return float(value or 0.0)
