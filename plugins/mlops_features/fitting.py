"""Train rows → fitted features: what to impute, scale and encode with."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.features import Input
from mlops.formats.inputs import NULL_CATEGORY, NULL_TIME
from mlops_features.options import TimePart
from mlops_features.parts import quantity_value, raw_frame
from mlops_features.plan import Category, Cycle, Plan, Quantity
from mlops_features.selection import Column

__all__ = ["fit"]

_Numbers = Mapping[str, float]


def fit(columns: Sequence[Column], train: pl.DataFrame, *, log: logging.Logger) -> Plan:
    """Learn everything that features need from the train rows.

    Raises:
        StageError: two features would have the same name.
    """
    raw = raw_frame(train, tuple(_input(column) for column in columns))
    kept = [column for column in columns if not _is_empty(raw, column, log=log)]
    counts = {c.name: _counts(raw, c.name) for c in kept if c.kind == "categorical"}
    pairs = [pair for column in kept for pair in _numbers_of(column)]
    stats = _statistics(raw, pairs)
    plan = Plan(
        inputs=tuple(_seen_input(c, train, stats=stats, counts=counts) for c in kept),
        quantities=tuple(_quantity(column, part, stats[_name(column, part)]) for column, part in pairs),
        cycles=tuple(Cycle(_name(c, part), c.name, part) for c in kept for part in _cyclic_parts(c)),
        categories=tuple(_category(c, counts[c.name], rows=train.height) for c in kept if c.kind == "categorical"),
        example={c.name: _typical(c, train, counts=counts) for c in kept},
    )
    if not plan.names:
        raise StageError("no column has a value in the train part", fix="look at the rows that the split makes")
    _refuse_doubles(plan.names)
    return plan


def _input(column: Column) -> Input:
    return Input(name=column.name, kind=column.kind, dtype=str(column.dtype))


def _is_empty(raw: pl.DataFrame, column: Column, *, log: logging.Logger) -> bool:
    missing = {"numeric": ~pl.col(column.name).is_finite(), "categorical": pl.col(column.name) == NULL_CATEGORY}
    absent = missing.get(column.kind, pl.col(column.name) == NULL_TIME)
    empty = bool(raw.select(absent.all()).item())
    if empty:
        log.warning("the column %r has no value in the train part: left out", column.name)
    return empty


def _numbers_of(column: Column) -> list[tuple[Column, TimePart | None]]:
    """Numbers that a column gives: itself, or the parts of a time that are not drawn on a circle."""
    if column.kind == "numeric":
        return [(column, None)]
    if column.kind == "datetime":
        return [(column, part) for part in _used_parts(column) if not (column.choices.cyclic and part != "year")]
    return []


def _cyclic_parts(column: Column) -> list[TimePart]:
    if column.kind != "datetime" or not column.choices.cyclic:
        return []
    return [part for part in _used_parts(column) if part != "year"]


def _used_parts(column: Column) -> list[TimePart]:
    """A date has no time of day."""
    whole_days = column.dtype == pl.Date
    parts = dict.fromkeys(column.choices.parts or ())
    return [part for part in parts if not (whole_days and part in ("hour", "minute"))]


def _name(column: Column, part: TimePart | None) -> str:
    return column.name if part is None else f"{column.name}__{part}"


def _statistics(raw: pl.DataFrame, pairs: Sequence[tuple[Column, TimePart | None]]) -> dict[str, dict[str, float]]:
    """Mean, deviation, quartiles, range and missing rows of every number, over its finite values."""
    found = {}
    for column, part in pairs:
        series = raw.select(quantity_value(column.name, part).alias("value"))["value"]
        finite = series.filter(series.is_finite()).cast(pl.Float64)
        found[_name(column, part)] = {
            "mean": _number(finite.mean()),
            "deviation": _number(finite.std(ddof=0)),
            "median": _number(finite.median()),
            "lower": _number(finite.quantile(0.25, "linear")),
            "upper": _number(finite.quantile(0.75, "linear")),
            "low": _number(finite.min()),
            "high": _number(finite.max()),
            "missing": float(series.len() - finite.len()),
        }
    return found


def _number(value: Any) -> float:
    return float(value or 0.0)


def _quantity(column: Column, part: TimePart | None, stats: _Numbers) -> Quantity:
    choices = column.choices
    fills = {"median": stats["median"], "mean": stats["mean"], "constant": choices.fill, "none": float("nan")}
    centre, spread = {
        "none": (0.0, 1.0),
        "standard": (stats["mean"], stats["deviation"]),
        "robust": (stats["median"], stats["upper"] - stats["lower"]),
    }[choices.scale or "none"]
    return Quantity(
        name=_name(column, part),
        column=column.name,
        part=part,
        fill=_single(fills[choices.impute or "none"]),
        indicator=bool(choices.indicator and choices.impute != "none" and stats["missing"]),
        centre=_single(centre),
        factor=_inverse(spread),
    )


def _single(value: float | None) -> float:
    """Round to float32, so that Polars and the graph compute with the same number."""
    return float(np.float32(value or 0.0))


def _inverse(spread: float) -> float:
    """One over the spread; one for a constant column, whose spread says nothing."""
    return _single(1 / spread) if spread and np.isfinite(np.float32(1 / spread)) else 1.0


def _counts(raw: pl.DataFrame, name: str) -> dict[str, int]:
    """Category → training rows, most frequent first, equal ones by name."""
    counted = raw.group_by(name).len().sort(["len", name], descending=[True, False])
    return dict(zip(counted[name].to_list(), counted["len"].to_list(), strict=True))


def _category(column: Column, counts: Mapping[str, int], *, rows: int) -> Category:
    choices = column.choices
    frequent = [name for name, count in counts.items() if count >= (choices.min_frequency or 0) * rows]
    known = tuple(frequent[: choices.max_categories])
    return Category(column.name, choices.encode or "ordinal", known, rare=len(known) < len(counts))


def _seen_input(
    column: Column, train: pl.DataFrame, *, stats: Mapping[str, _Numbers], counts: Mapping[str, Mapping[str, int]]
) -> Input:
    numbers = stats.get(column.name, {})
    return Input(
        name=column.name,
        kind=column.kind,
        dtype=str(column.dtype),
        nullable=bool(train[column.name].null_count()),
        allowed=tuple(name for name in counts.get(column.name, ()) if name != NULL_CATEGORY),
        low=numbers.get("low"),
        high=numbers.get("high"),
    )


def _typical(column: Column, train: pl.DataFrame, *, counts: Mapping[str, Mapping[str, int]]) -> Any:
    series = train[column.name].drop_nulls()
    if column.kind == "categorical":
        first = next(name for name in counts[column.name] if name != NULL_CATEGORY)
        return next(iter(series.filter(series.cast(pl.String) == first)))
    if column.kind == "datetime":
        return series.sort()[series.len() // 2].isoformat()
    if column.dtype == pl.Boolean:
        return _number(series.mean()) >= 0.5  # noqa: PLR2004 - the more frequent of two
    middle = _number(series.cast(pl.Float64).median())
    return int(middle) if column.dtype.is_integer() else middle


def _refuse_doubles(names: Sequence[str]) -> None:
    double = next((name for name in names if names.count(name) > 1), None)
    if double:
        raise StageError(f"two features would be called {double!r}", fix="rename or drop one of the columns")
