"""Train rows → fitted features, one column at a time: what to impute, scale and encode with."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from mlops.errors import StageError
from mlops.formats.features import Input
from mlops.formats.inputs import NULL_CATEGORY, NULL_TIME
from mlops_features.blocks import fit_blocks
from mlops_features.category_fitting import fit_category
from mlops_features.description import describe, typical
from mlops_features.means import Crossed
from mlops_features.number_fitting import fit_number, name_of
from mlops_features.options import TimePart
from mlops_features.parts import quantity_value
from mlops_features.plan import Category, Cycle, Plan, Quantity
from mlops_features.selection import Column
from mlops_features.supervision import Supervision

__all__ = ["fit"]


class FittedColumn(NamedTuple):
    """What one column becomes."""

    input: Input
    example: Any
    quantities: tuple[Quantity, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    category: Category | None = None
    crossed: Crossed | None = None


def fit(
    columns: Sequence[Column],
    train: pl.DataFrame | pl.LazyFrame,
    *,
    log: logging.Logger,
    supervision: Supervision | None = None,
) -> Plan:
    """Learn everything that features need from the train rows, of which one column at a time is in memory.

    Raises:
        StageError: two features would have the same name, or no column has a value.
    """
    rows = train.lazy()
    singles = [column for column in columns if column.block is None]
    blocks = fit_blocks(columns, rows, log=log)
    fitted = [found for column in singles if (found := _fit_column(column, rows, log=log, supervision=supervision))]
    plan = Plan(
        inputs=tuple(item.input for item in fitted),
        quantities=tuple(quantity for item in fitted for quantity in item.quantities),
        cycles=tuple(cycle for item in fitted for cycle in item.cycles),
        categories=tuple(item.category for item in fitted if item.category),
        example={item.input.name: item.example for item in fitted} | {item.column: item.example for item in blocks},
        crossed={item.input.name: item.crossed for item in fitted if item.crossed},
        blocks=blocks,
    )
    if not plan.names:
        raise StageError("no column has a value in the train part", fix="look at the rows that the split makes")
    _refuse_doubles((*plan.names, *(block.column for block in plan.blocks)))
    return plan


def _fit_column(
    column: Column, rows: pl.LazyFrame, *, log: logging.Logger, supervision: Supervision | None
) -> FittedColumn | None:
    """Fit one column; None, and a warning, when it has no value."""
    series = rows.select(column.name).collect(engine="streaming").to_series().rechunk()
    item, raw = describe(series, column.kind)
    if _missing(raw, column).all():
        log.warning("the column %r has no value in the train part: left out", column.name)
        return None
    if column.kind == "categorical":
        return _fit_categorical(column, series, raw, item=item, supervision=supervision)
    example = typical(series, column.kind)
    quantities = tuple(fit_number(column, part, _numbers(raw, part)) for part in _number_parts(column))
    if column.kind == "numeric":
        finite = raw.filter(raw.is_finite()).cast(pl.Float64)
        return FittedColumn(item.model_copy(update={"low": finite.min(), "high": finite.max()}), example, quantities)
    cycles = tuple(Cycle(name_of(column, part), column.name, part) for part in _cyclic_parts(column))
    return FittedColumn(item, example, quantities, cycles)


def _fit_categorical(
    column: Column, series: pl.Series, raw: pl.Series, *, item: Input, supervision: Supervision | None
) -> FittedColumn:
    category, seen, crossed = fit_category(column, raw, supervision=supervision)
    allowed = tuple(name for name in seen if name != NULL_CATEGORY)
    example = typical(series, column.kind, seen=allowed)
    return FittedColumn(item.model_copy(update={"allowed": allowed}), example, category=category, crossed=crossed)


def _missing(raw: pl.Series, column: Column) -> pl.Series:
    if column.kind == "numeric":
        return ~raw.is_finite()
    return raw == (NULL_CATEGORY if column.kind == "categorical" else NULL_TIME)


def _numbers(raw: pl.Series, part: TimePart | None) -> pl.Series:
    """Take the float32 values of a column of numbers, or of one part of times."""
    return raw.to_frame().select(quantity_value(raw.name, part).alias("value")).to_series()


def _number_parts(column: Column) -> Sequence[TimePart | None]:
    """List the numbers that a column gives: itself, or the parts of a time that are not drawn on a circle."""
    if column.kind == "numeric":
        return [None]
    circled = _cyclic_parts(column)
    return [part for part in _used_parts(column) if part not in circled]


def _cyclic_parts(column: Column) -> list[TimePart]:
    return [part for part in _used_parts(column) if column.choices.cyclic and part != "year"]


def _used_parts(column: Column) -> list[TimePart]:
    """A date has no time of day."""
    whole_days = column.dtype == pl.Date
    parts = dict.fromkeys(column.choices.parts or ())
    return [part for part in parts if not (whole_days and part in ("hour", "minute"))]


def _refuse_doubles(names: Sequence[str]) -> None:
    double = next((name for name, times in Counter(names).items() if times > 1), None)
    if double:
        raise StageError(f"two features would be called {double!r}", fix="rename or drop one of the columns")
