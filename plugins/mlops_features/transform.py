"""Fitted features applied with Polars, in the float32 arithmetic of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from mlops_features.blocks import FittedBlock
from mlops_features.means import Crossed
from mlops_features.parts import circle, part_index, quantity_value, raw_column
from mlops_features.pieces import Pieces
from mlops_features.places import places_of
from mlops_features.plan import WAVES, Category, Cycle, Plan, Quantity, onehot_names
from mlops_features.power import Power

__all__ = ["prepare", "prepare_train", "transform"]

_ROW = "__row__"
_BIN = "__bin__"
LookUp = Callable[[Category], Iterator[pl.Expr]]
Singles = np.ndarray[Any, np.dtype[np.float32]]


def transform(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Prepare raw rows.

    Returns:
        One float32 column a feature, then one a block, in the order of the plan; rows in the same order.
    """
    return prepare(frame.lazy(), plan).collect()


def prepare(rows: pl.LazyFrame, plan: Plan, *, beside: Sequence[pl.Expr] = ()) -> pl.LazyFrame:
    """Prepare raw rows lazily, such that they may be streamed.

    Args:
        rows: the columns of ``plan.inputs`` and those that ``beside`` needs.
        plan: the fitted features.
        beside: further columns to make, which come after the features.
    """
    return _prepared(rows, plan, beside=beside, look_up=_means)


def prepare_train(rows: pl.LazyFrame, plan: Plan, *, beside: Sequence[pl.Expr] = ()) -> pl.LazyFrame:
    """Prepare the very rows that the plan was fitted on: none is told its own target; otherwise as `prepare`."""
    numbered = rows.with_row_index(_ROW)
    return _prepared(numbered, plan, beside=beside, look_up=partial(_crossed_means, crossed=plan.crossed))


def _prepared(rows: pl.LazyFrame, plan: Plan, *, beside: Sequence[pl.Expr], look_up: LookUp) -> pl.LazyFrame:
    further = [item.meta.output_name() for item in beside]
    blocks = [block.column for block in plan.blocks]
    raw = rows.select(pl.col(f"^{_ROW}$"), *map(raw_column, plan.inputs), *map(_block, plan.blocks), *beside)
    coded = raw.with_columns(
        *(_code(item) for item in plan.onehots),
        *(_quantity(item).alias(_BIN + item.name) for item in plan.binned),
    )
    made = coded.select(*_singles(plan, look_up=look_up), *blocks, *further)
    return made.select(*plan.singles, *blocks, *further)


def _block(block: FittedBlock) -> pl.Expr:
    arrays = pl.Array(pl.Float32, block.block.width)
    return pl.col(block.column).map_batches(block.prepare, return_dtype=arrays, is_elementwise=True)


def _singles(plan: Plan, *, look_up: LookUp) -> Iterator[pl.Expr]:
    yield from (_quantity(item) for item in plan.numbers)
    yield from (_indicator(item) for item in plan.indicated)
    yield from (wave for item in plan.cycles for wave in _waves(item))
    yield from (number for item in plan.lookups for number in look_up(item))
    yield from (_code(item) for item in plan.codes)
    yield from (flag for item in plan.onehots for flag in _flags(item.name, onehot_names(item)))
    yield from (flag for item in plan.binned for flag in _flags(_BIN + item.name, item.flags))


def _quantity(item: Quantity) -> pl.Expr:
    value = quantity_value(item.column, item.part)
    # NaN and the infinities become the fill whatever the bounds make of them.
    inside = value.clip(*(pl.lit(bound, dtype=pl.Float32) for bound in item.clip)) if item.clip else value
    made = pl.when(value.is_finite()).then(inside).otherwise(pl.lit(item.fill, dtype=pl.Float32))
    if item.centre:
        made = made - pl.lit(item.centre, dtype=pl.Float32)
    if item.factor != 1:
        made = made * pl.lit(item.factor, dtype=pl.Float32)
    curve = item.power or item.pieces
    if curve:
        made = made.map_batches(partial(_curved, curve), return_dtype=pl.Float32, is_elementwise=True)
    return made.alias(item.name)


def _curved(curve: Power | Pieces, values: pl.Series) -> pl.Series:
    return pl.Series(values.name, curve.apply(values.to_numpy()))


def _indicator(item: Quantity) -> pl.Expr:
    missing = ~quantity_value(item.column, item.part).is_finite()
    return missing.cast(pl.Float32).alias(f"{item.name}__missing")


def _waves(item: Cycle) -> Iterator[pl.Expr]:
    places, index = circle(item.part), part_index(item.column, item.part)
    for axis, wave in enumerate(WAVES):
        value = index.map_batches(partial(_taken, places[:, axis]), return_dtype=pl.Float32, is_elementwise=True)
        yield value.alias(f"{item.name}__{wave}")


def _taken(table: Singles, places: pl.Series) -> pl.Series:
    return pl.Series(places.name, table[places.to_numpy()])


def _means(item: Category) -> Iterator[pl.Expr]:
    """Look a category's numbers up."""
    table = np.array(item.numbers, np.float32)
    for outcome, name in enumerate(item.columns):
        yield _looked_up(item, table[:, outcome]).alias(name)


def _crossed_means(item: Category, *, crossed: Mapping[str, Crossed]) -> Iterator[pl.Expr]:
    """Look a category's numbers up for training rows, in the table of the row's fold."""
    if item.name not in crossed:
        yield from _means(item)
        return
    places = pl.struct(row=pl.col(_ROW).cast(pl.Int64), value=pl.col(item.name))
    for outcome, name in enumerate(item.columns):

        def find(both: pl.Series, outcome: int = outcome) -> pl.Series:
            rows, values = (both.struct.field(field) for field in ("row", "value"))
            found = crossed[item.name].look_up(rows.to_numpy(), places_of(values, item.known), outcome=outcome)
            return pl.Series(both.name, found)

        yield places.map_batches(find, return_dtype=pl.Float32, is_elementwise=True).alias(name)


def _code(item: Category) -> pl.Expr:
    return _looked_up(item, np.array([*item.codes, item.other], np.float32))


def _looked_up(item: Category, table: Singles) -> pl.Expr:
    """Take each category's number from a table, whose last number is for any other."""

    def find(values: pl.Series) -> pl.Series:
        return pl.Series(values.name, table[places_of(values, item.known)])

    # Replacing values by an expression of Polars would keep all rows in memory.
    return pl.col(item.name).map_batches(find, return_dtype=pl.Float32, is_elementwise=True)


def _flags(codes: str, names: Sequence[str]) -> Iterator[pl.Expr]:
    for code, name in enumerate(names):
        yield (pl.col(codes) == code).cast(pl.Float32).alias(name)
