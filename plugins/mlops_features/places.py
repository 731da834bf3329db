"""Text → places in a list of categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

__all__ = ["places_of"]


def places_of(values: pl.Series, known: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Find each text's place among known categories; anything else is one past the last.

    Args:
        values: text (rows,).
        known: categories without doubles.

    Returns:
        int64 (rows,).
    """
    # An enumeration's own lookup takes half the time of replacing values.
    places = values.cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int64).fill_null(len(known))
    return places.to_numpy()
