"""How far what a bundle gives lies from what training gave."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["Outcome", "Pair", "sizes_of"]

Array = np.ndarray[Any, Any]

_LEAST_SIZE = 1e-6
"""Values are never compared at a finer scale than this, so that noise about zero is no difference."""


@dataclass(frozen=True)
class Pair:
    """What training gave and what the bundle gives for the same rows, both (rows, columns)."""

    native: Array
    bundle: Array
    sizes: Array | None
    """Usual size of each column, for differences relative to it; None for absolute ones."""

    @cached_property
    def gaps(self) -> Array:
        """Differences, absolute or relative to max(|value|, usual size); infinite where one alone is NaN."""
        native, bundle = self.native.astype(np.float64), self.bundle.astype(np.float64)
        with np.errstate(invalid="ignore"):
            gap = np.abs(bundle - native)
            if self.sizes is not None:
                gap /= np.maximum(np.maximum(np.abs(np.nan_to_num(native)), self.sizes), _LEAST_SIZE)
        same = (native == bundle) | (np.isnan(native) & np.isnan(bundle))
        return np.where(same, 0.0, np.where(np.isnan(gap), np.inf, gap))

    @property
    def largest(self) -> float:
        """The largest difference."""
        gaps = self.gaps
        return float(gaps.max()) if gaps.size else 0.0

    @property
    def worst(self) -> tuple[int, int]:
        """Row and column of the largest difference."""
        row, column = np.unravel_index(int(self.gaps.argmax()), self.native.shape)
        return int(row), int(column)

    @property
    def flips(self) -> int:
        """Rows whose largest value lies in another column."""
        return int((self.native.argmax(axis=1) != self.bundle.argmax(axis=1)).sum())


def sizes_of(values: Array) -> Array:
    """Mean |value| of each column over its finite values."""
    finite = np.isfinite(values)
    total = np.abs(np.where(finite, values, 0.0)).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(finite.sum(axis=0), 1))


@dataclass(frozen=True)
class Outcome:
    """What some rows' comparison found."""

    what: str
    rows: int = 0
    refused: int = 0
    """Rows that the bundle refuses: they hold values that the contract forbids."""

    largest: float = 0.0
    largest_of_features: float = 0.0
    flips: int = 0
    """Rows whose label differs."""

    def joined(self, other: Outcome) -> Outcome:
        """Put two comparisons together."""
        return Outcome(
            self.what,
            self.rows + other.rows,
            self.refused + other.refused,
            max(self.largest, other.largest),
            max(self.largest_of_features, other.largest_of_features),
            self.flips + other.flips,
        )

    def facts(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {key: value for key, value in asdict(self).items() if key != "what"}
