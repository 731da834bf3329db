"""Fitted features applied with Polars, in the float32 arithmetic of the graph."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from mlops_features.parts import circle, part_index, quantity_value, raw_frame
from mlops_features.plan import WAVES, Category, Cycle, Plan, Quantity, onehot_names

__all__ = ["transform"]


def transform(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Prepare raw rows.

    Returns:
        One float32 column a feature, in the order of ``plan.names``; rows in the same order.
    """
    raw = raw_frame(frame, plan.inputs)
    coded = raw.with_columns(_code(item) for item in plan.categories)
    return coded.select(_expressions(plan))


def _expressions(plan: Plan) -> Iterator[pl.Expr]:
    yield from (_quantity(item) for item in plan.quantities)
    yield from (_indicator(item) for item in plan.indicated)
    yield from (wave for item in plan.cycles for wave in _waves(item))
    yield from (pl.col(item.name).cast(pl.Float32) for item in plan.codes)
    yield from (flag for item in plan.onehots for flag in _flags(item))


def _quantity(item: Quantity) -> pl.Expr:
    value = quantity_value(item.column, item.part)
    fill = pl.lit(item.fill, dtype=pl.Float32)
    value = pl.when(value.is_finite()).then(value).otherwise(fill)
    if item.centre:
        value = value - pl.lit(item.centre, dtype=pl.Float32)
    if item.factor != 1:
        value = value * pl.lit(item.factor, dtype=pl.Float32)
    return value.alias(item.name)


def _indicator(item: Quantity) -> pl.Expr:
    missing = ~quantity_value(item.column, item.part).is_finite()
    return missing.cast(pl.Float32).alias(f"{item.name}__missing")


def _waves(item: Cycle) -> Iterator[pl.Expr]:
    places, index = circle(item.part), part_index(item.column, item.part)
    numbers = np.arange(len(places))
    for axis, wave in enumerate(WAVES):
        value = index.replace_strict(numbers, places[:, axis], return_dtype=pl.Float32)
        yield value.alias(f"{item.name}__{wave}")


def _code(item: Category) -> pl.Expr:
    codes = pl.Series(range(len(item.known)), dtype=pl.Int64)
    return pl.col(item.name).replace_strict(
        pl.Series(item.known, dtype=pl.String), codes, default=len(item.known), return_dtype=pl.Int64
    )


def _flags(item: Category) -> Iterator[pl.Expr]:
    for code, name in enumerate(onehot_names(item)):
        yield (pl.col(item.name) == code).cast(pl.Float32).alias(name)
