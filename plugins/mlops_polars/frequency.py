"""How often values occur that come in pieces, and how many different ones there are. No chance is involved."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Distinct", "Frequent", "counted"]

_KEPT, _TRIMMED = 20_000, 5_000
"""Values counted one by one at the same time; beyond, those seen least are let go down to the second number."""

_TOLD = 1000
"""Values that a snapshot lists."""

_LONGEST = 80
"""Characters of a value that a snapshot shows; of a longer one, its beginning and a digest."""

_LEAST_HASHES = 4096
"""Size of the sketch of distinct values; its relative error is about 1 / sqrt of it."""

_HASHES = 2.0**64


def counted(values: pl.Series) -> pl.DataFrame:
    """Count how often each value occurs: columns ``value`` (no nulls, in no order) and ``count``."""
    return values.alias("value").drop_nulls().value_counts()


class Distinct:
    """How many different values there are: the least of their hashes tell (Bar-Yossef et al. 2002)."""

    def __init__(self) -> None:
        self._hashes = np.empty(0, dtype=np.uint64)

    def add(self, values: pl.Series) -> None:
        """Count values, none of them twice in one call."""
        hashes = values.hash(seed=0).to_numpy()
        if not self.is_exact:
            hashes = hashes[hashes < self._hashes[-1]]
        elif len(hashes) > _LEAST_HASHES:
            hashes = np.partition(hashes, _LEAST_HASHES)[:_LEAST_HASHES]
        self._hashes = np.unique(np.concatenate([self._hashes, hashes]))[:_LEAST_HASHES]

    @property
    def count(self) -> int:
        """Different values: counted, or estimated."""
        if self.is_exact:
            return len(self._hashes)
        return round((_LEAST_HASHES - 1) / ((float(self._hashes[-1]) + 1) / _HASHES))

    @property
    def is_exact(self) -> bool:
        """Whether the different values were counted."""
        return len(self._hashes) < _LEAST_HASHES


class Frequent:
    """How often each value occurs, as long as they are not too many."""

    def __init__(self, most: int = _KEPT) -> None:
        self._most = most
        self._counts: pl.DataFrame | None = None
        self.has_given_up = False
        """Numbers that turned out to be many need no counts."""

        self._has_lost = False

    def add(self, piece: pl.DataFrame) -> None:
        """Take what `counted` gave."""
        if self.has_given_up:
            return
        joined = self._few(piece)
        if self._counts is not None:
            joined = self._few(pl.concat([self._counts, joined]).group_by("value").agg(pl.col("count").sum()))
        self._counts = joined

    @property
    def is_complete(self) -> bool:
        """Whether `counts` gives every value."""
        return not self._has_lost and (self._counts is None or self._counts.height <= _TOLD)

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Give the most frequent values as text; values equally frequent in their own order."""
        if self._counts is None or self._counts.is_empty():
            return ()
        told = _ordered(self._counts).head(_TOLD)
        if not self.is_complete:  # of names and free texts, those that occur once tell nothing
            told = told.filter(pl.col("count") > 1)
        return tuple(zip((_text(value) for value in told["value"]), told["count"].to_list(), strict=True))

    def _few(self, counts: pl.DataFrame) -> pl.DataFrame:
        """Let go of values when they are too many: first those that occurred once."""
        if counts.height <= self._most:
            return counts
        self._has_lost = True
        if self._most < _TRIMMED:
            self.has_given_up = True
            return counts.clear()
        often = counts.filter(pl.col("count") > 1)
        return often if often.height <= self._most else _ordered(often).head(_TRIMMED)


def _ordered(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.sort(["count", "value"], descending=[True, False])


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # so that whole numbers kept as floats compare with those that are not
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}… {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
