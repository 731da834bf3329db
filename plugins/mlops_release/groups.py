"""Columns → groups of rows with a name each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops_release.catalogue import near

__all__ = ["Group", "groups_of"]


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that belong together."""

    name: str
    rows: np.ndarray[Any, np.dtype[np.int64]]
    """Their numbers, from 0."""

    @property
    def size(self) -> int:
        """How many rows there are."""
        return int(self.rows.size)


def groups_of(frame: pl.DataFrame, columns: tuple[str, ...], *, bins: int) -> Iterator[Group]:
    """Group rows by the values of columns; a column of many numbers or times is cut into ranges of equal size.

    Raises:
        StageError: there is no such column.
    """
    for name in columns:
        if name not in frame.columns:
            fix = f"{near(name, frame.columns)}columns are {', '.join(frame.columns)}"
            raise StageError(f"the test rows have no column {name!r}", fix=fix)
    keys = frame.select(_named(frame[name], bins).alias(name) for name in columns).with_row_index("__row__")
    for values, rows in sorted(keys.group_by(columns), key=lambda item: tuple(map(str, item[0]))):
        title = ", ".join(f"{name}={value}" for name, value in zip(columns, values, strict=True))
        yield Group(title, np.sort(rows["__row__"].to_numpy()).astype(np.int64))


def _named(column: pl.Series, bins: int) -> pl.Series:
    """Give each value a text that stands for its group."""
    ordered = column.dtype.is_numeric() or column.dtype.is_temporal()
    if not ordered or column.n_unique() <= max(bins * 2, 12):
        return column.cast(pl.String).fill_null("(missing)")
    numbers = column.to_physical().cast(pl.Float64)
    inner = [step / bins for step in range(1, bins)]
    cuts = sorted({float(cut) for share in inner if (cut := numbers.quantile(share, "lower")) is not None})
    places = np.searchsorted(cuts, numbers.fill_null(0).to_numpy(), side="right")
    names = pl.Series(_ranges(column, numbers, cuts))[places.tolist()]
    return pl.select(pl.when(numbers.is_null()).then(pl.lit("(missing)")).otherwise(names)).to_series()


def _ranges(column: pl.Series, numbers: pl.Series, cuts: list[float]) -> list[str]:
    """Name the ranges by the column's own values at the cuts."""
    ordered = pl.DataFrame({"number": numbers, "value": column.cast(pl.String)}).drop_nulls().sort("number")
    texts = []
    for cut in cuts:
        place = ordered["number"].search_sorted(cut, "left")
        texts.append(str(ordered["value"][int(place)]))
    return [f"below {texts[0]}", *(f"{a} to {b}" for a, b in pairwise(texts)), f"from {texts[-1]}"]
