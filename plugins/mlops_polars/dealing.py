"""Which part each row goes to, decided by position and seed alone: the same on any machine and thread count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.table import Table
from mlops_polars.dtypes import constant, name_of
from mlops_polars.fields import near, timedelta_of

if TYPE_CHECKING:
    from mlops_polars.split import Split

__all__ = ["LEFT_OUT", "Codes", "Dealt", "dealt"]

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, -1
_FEWEST = 3
"""Rows, or groups, or rows of a class, that it takes to have one in each part."""

Codes = np.ndarray[Any, np.dtype[np.int8]]
Counts = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Dealt:
    """The part of each row (rows,): 0 train, 1 validation, 2 test, -1 left out."""

    parts: Codes
    facts: Mapping[str, Any]
    """How it was decided, for the artifact."""

    span: str = ""
    """What the deciding column holds, for a message about an empty part."""

    fix: str = "choose other shares"


def dealt(split: Split, table: Table, *, seed: int) -> Dealt:
    """Choose a part for each row by the section's method.

    Raises:
        StageError: there are too few rows, classes or groups, or the deciding column is missing or has nulls.
    """
    if table.rows < _FEWEST:
        raise StageError(f"the table has {table.rows} rows; three parts need at least {_FEWEST}")
    roles = table.roles
    if split.method == "time":
        return _by_time(split, _column("time", split.time or roles.time, table))
    chance = np.random.default_rng(seed)
    if split.method == "random":
        parts = _shuffled(table.rows, split, chance)
        return Dealt(parts, {"method": "random"})
    if split.method == "stratified":
        return _by_class(split, _column("by", split.by or roles.target, table), chance)
    return _by_group(split, _column("group", split.group or roles.group, table), chance)


def _column(key: str, name: str | None, table: Table) -> pl.Series:
    """Read the column that decides, and refuse one that has nulls."""
    role = "target" if key == "by" else key
    if name is None:
        raise StageError("no column is named to split by", fix=f"set `{key}` here, or `{role}` where the data is read")
    if name not in table.columns:
        raise StageError(f"`{key}` names the column {name!r}, which is not there", fix=near(name, list(table.columns)))
    values = table.scan().select(name).collect()[name]
    nulls = values.null_count()
    if nulls:
        raise StageError(
            f"column {name!r}, which decides the split, is null in {nulls:,} rows",
            fix=f"leave those rows out where the data is read: where: {name} is not null",
        )
    return values


def _shuffled(rows: int, split: Split, chance: np.random.Generator) -> Codes:
    """Deal rows out by chance in the section's shares, each part at least one."""
    test = max(1, round(rows * split.test_share))
    validation = max(1, round(rows * split.validation_share))
    order = chance.permutation(rows)
    parts = np.zeros(rows, dtype=np.int8)
    parts[order[:test]] = TEST
    parts[order[test : test + validation]] = VALIDATION
    return parts


def _codes(values: pl.Series) -> tuple[list[Any], Counts]:
    """Number the distinct values in sorted order.

    Returns:
        The values, and the number of each row (rows,).
    """
    plain = values.cast(pl.String) if name_of(values.dtype) in (None, "categorical", "boolean") else values
    numbers = plain.rank("dense").to_numpy().astype(np.int64) - 1
    return plain.unique().sort().to_list(), numbers


def _by_class(split: Split, values: pl.Series, chance: np.random.Generator) -> Dealt:
    """Deal each class out by itself, so that its share is the same in every part."""
    classes, numbers = _codes(values)
    counts = np.bincount(numbers, minlength=len(classes))
    rare = [f"{value!r} ({count})" for value, count in zip(classes, counts, strict=True) if count < _FEWEST]
    if rare:
        raise StageError(
            f"{len(rare):,} values of {values.name!r} have fewer than {_FEWEST} rows: {', '.join(rare[:5])}",
            fix="use method random, join rare classes, or leave their rows out where the data is read",
        )
    parts = np.zeros(len(values), dtype=np.int8)
    rows_by_class = np.split(np.argsort(numbers, kind="stable"), np.cumsum(counts)[:-1])
    for rows in rows_by_class:
        parts[rows] = _shuffled(len(rows), split, chance)
    return Dealt(parts, {"method": "stratified", "by": values.name, "classes": len(classes)})


def _by_group(split: Split, values: pl.Series, chance: np.random.Generator) -> Dealt:
    """Deal whole groups out by chance: to test, then validation, while they have room, else to train."""
    groups, numbers = _codes(values)
    if len(groups) < _FEWEST:
        raise StageError(f"column {values.name!r} has {len(groups)} groups; three parts need at least {_FEWEST}")
    sizes = np.bincount(numbers, minlength=len(groups))
    part_of_group = _dealt_groups(sizes, split, chance.permutation(len(groups)))
    facts = {"method": "group", "group": values.name, "groups": len(groups)}
    return Dealt(part_of_group[numbers], facts, span=f"; there are {len(groups):,} groups")


def _dealt_groups(sizes: Counts, split: Split, order: Counts) -> Codes:
    """Choose a part for each group.

    Args:
        sizes: Rows of each group (groups,).
        split: The section, for its shares.
        order: The groups in the order in which they are dealt (groups,).

    Returns:
        The part of each group (groups,); a part that no group suits gets the smallest one of a part that has several.
    """
    wanted = {TEST: sizes.sum() * split.test_share, VALIDATION: sizes.sum() * split.validation_share}
    filled = dict.fromkeys(wanted, 0)
    parts = np.full(len(sizes), TRAIN, dtype=np.int8)
    for group in order:
        size = int(sizes[group])
        part = next((part for part in wanted if filled[part] + size / 2 <= wanted[part]), TRAIN)
        parts[group] = part
        if part != TRAIN:
            filled[part] += size
    for part in (TRAIN, *wanted):
        if part not in parts:
            crowded = np.bincount(parts, minlength=TEST + 1)[parts] > 1
            parts[min(order[crowded[order]], key=lambda group: int(sizes[group]))] = part
    return parts


def _by_time(split: Split, times: pl.Series) -> Dealt:
    """Cut the rows at two moments; equal times stay together."""
    if not (times.dtype.is_numeric() or name_of(times.dtype) in ("date", "datetime")):
        raise StageError(
            f"the time column {times.name!r} is {times.dtype}, which has no order in time",
            fix=f"declare it where the data is read: types: {{{times.name}: datetime}}",
        )
    validation_cut, test_cut = _cuts(split, times)
    time = pl.col(times.name)
    chosen = (
        pl.when(time >= test_cut).then(pl.lit(TEST))
        .when(time >= _before(test_cut, split)).then(pl.lit(LEFT_OUT))
        .when(time >= validation_cut).then(pl.lit(VALIDATION))
        .when(time >= _before(validation_cut, split)).then(pl.lit(LEFT_OUT))
        .otherwise(pl.lit(TRAIN))
    )  # fmt: skip
    facts = {"validation_from": str(validation_cut), "test_from": str(test_cut), "gap": split.gap}
    return Dealt(
        times.to_frame().select(chosen.cast(pl.Int8)).to_series().to_numpy(),
        {"method": "time", "time": times.name, **facts},
        span=f"; {times.name} spans {times.min()!s} to {times.max()!s}",
        fix="choose other moments or shares, or a shorter gap",
    )


def _cuts(split: Split, times: pl.Series) -> tuple[Any, Any]:
    """Find the first moments of validation and test: as written, or where the shares of rows fall."""
    if split.validation_from is not None and split.test_from is not None:
        try:
            return constant(split.validation_from, times.dtype), constant(split.test_from, times.dtype)
        except ValueError as exc:
            raise StageError(f"the moments do not fit the time column: {exc}", fix="give shares instead") from exc
    ordered = times.sort()
    test = max(1, round(len(times) * split.test_share))
    validation = max(1, round(len(times) * split.validation_share))
    return ordered[len(times) - test - validation], ordered[len(times) - test]


def _before(cut: Any, split: Split) -> Any:
    """Go back from a cut by the gap; a column of dates goes back by whole days."""
    if split.gap is None:
        return cut
    if not isinstance(cut, date):
        raise StageError("`gap` needs a time column of dates or datetimes", fix="leave `gap` out")
    span = timedelta_of(split.gap)
    return cut - (span if isinstance(cut, datetime) else timedelta(days=math.ceil(span / timedelta(days=1))))
