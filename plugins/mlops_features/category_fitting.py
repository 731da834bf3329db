"""A category of the training rows → how it becomes features."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops_features.means import Crossed, means_of
from mlops_features.options import Override
from mlops_features.places import places_of
from mlops_features.plan import Category
from mlops_features.selection import Column
from mlops_features.supervision import Supervision

__all__ = ["MOST_KEPT", "FittedCategory", "fit_category"]

MOST_KEPT = 100_000
"""Most categories of a column that are remembered: they travel in the graph and in its signature."""


class FittedCategory(NamedTuple):
    """A category and what only training rows are encoded with."""

    category: Category
    seen: tuple[str, ...]
    """Categories of the training rows, most frequent first."""

    crossed: Crossed | None = None


def fit_category(column: Column, values: pl.Series, *, supervision: Supervision | None) -> FittedCategory:
    """Learn a column's categories.

    Args:
        column: where it comes from, with the choices made.
        values: training values as text, without nulls.
        supervision: target of the same rows.

    Raises:
        StageError: the target's means are asked for, but there is no target.
    """
    # Most frequent first, equal ones by name.
    counted = values.alias("value").value_counts(name="rows").sort(["rows", "value"], descending=[True, False])
    kept = counted.head(MOST_KEPT)
    seen = tuple(kept["value"].to_list())
    choices = column.choices
    if choices.encode == "hash":
        return FittedCategory(_hashed(column.name, seen, count=choices.buckets or 1), seen)
    if choices.encode == "frequency":
        return FittedCategory(_frequent(column.name, kept, rows=len(values)), seen)
    if choices.encode == "target":
        if supervision is None:
            raise StageError(f"the column {column.name!r} is to be encoded by the target, but the data has none")
        return _averaged(column, values, seen=seen, supervision=supervision)
    return FittedCategory(_grouped(column.name, counted, choices), seen)


def _grouped(name: str, counted: pl.DataFrame, choices: Override) -> Category:
    """Keep frequent categories."""
    floor = (choices.min_frequency or 0) * int(counted["rows"].sum())
    frequent = counted.filter(pl.col("rows") >= floor).head(choices.max_categories or 0)
    known = tuple(frequent["value"].to_list())
    return Category(name, choices.encode or "ordinal", known, rare=len(known) < counted.height)


def _hashed(name: str, known: tuple[str, ...], *, count: int) -> Category:
    """Put categories into buckets by a hash that never changes."""
    digests = (blake2b(value.encode(), digest_size=8).digest() for value in known)
    buckets = tuple(int.from_bytes(digest, "big") % count for digest in digests)
    return Category(name, "hash", known, rare=False, buckets=buckets, count=count)


def _frequent(name: str, counted: pl.DataFrame, *, rows: int) -> Category:
    """Tell each category's share of the training rows."""
    shares = np.append(counted["rows"].to_numpy() / rows, 0.0).astype(np.float32)
    return Category(
        name,
        "frequency",
        tuple(counted["value"].to_list()),
        rare=False,
        numbers=tuple((share,) for share in shares.tolist()),
        columns=(f"{name}__share",),
    )


def _averaged(column: Column, values: pl.Series, *, seen: tuple[str, ...], supervision: Supervision) -> FittedCategory:
    """Tell each category's mean of the target."""
    choices = column.choices
    means = means_of(
        places_of(values, seen),
        supervision,
        known=len(seen),
        smoothing=choices.smoothing or 0.0,
        folds=choices.folds or 2,
    )
    category = Category(
        column.name,
        "target",
        seen,
        rare=False,
        numbers=tuple(map(tuple, means.table.tolist())),
        columns=tuple(f"{column.name}__mean{ending}" for ending in means.endings),
    )
    return FittedCategory(category, seen, means.crossed)
