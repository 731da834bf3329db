"""The target of the training rows as numbers, for encoders and choices that look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlops_features.target import Target

__all__ = ["Supervision", "supervision_of"]

Doubles = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Supervision:
    """Target and weight of each training row, in order."""

    values: Doubles
    """(rows,): class number or value."""

    weight: Doubles
    """(rows,): 1 where rows are not weighed."""

    classes: tuple[str, ...]
    """Labels as text; none for values."""

    seed: int = 0

    def outcomes(self) -> Iterator[tuple[str, Doubles]]:
        """Give what a mean is taken of: the value, whether it is the last of two classes, or whether it is each class.

        Yields:
            An ending for the feature's name, and numbers (rows,).
        """
        if len(self.classes) <= 2:  # noqa: PLR2004 - of two classes one says it all
            yield "", self.values
            return
        for number, label in enumerate(self.classes):
            yield f"={label}", (self.values == number).astype(np.float64)


def supervision_of(target: Target, frame: pl.DataFrame, *, seed: int) -> Supervision:
    """Read target and weight of the training rows."""
    values, *weight = (series.cast(pl.Float64).to_numpy() for series in target.prepare(frame))
    return Supervision(
        values=values,
        weight=weight[0] if weight else np.ones(len(values)),
        classes=tuple(str(label) for label in target.classes),
        seed=seed,
    )
