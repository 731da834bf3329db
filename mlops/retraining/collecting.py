"""Labelled rows of a deployment, brought to where its recipe reads its data from.

Which rows a file is to hold is planned before the file appears, and the plan is settled after it: a kill in
between neither loses a row nor adds one twice. What was settled counts for good, also when the file is moved,
joined with others, or removed because its rows were wrong.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mlops.durable import TEMPORARY, make_folder, sync_folder, write_atomic, writing
from mlops.errors import ProjectError
from mlops.services.moments import moments
from mlops.services.monitor import Watched
from mlops.services.policy import Policy
from mlops.services.traffic import Traffic

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Collected", "Wanted", "collect"]

_LOG = logging.getLogger("mlops.retraining")
_PLANNED, _SETTLED = ".planned", ".ids"


@dataclass(frozen=True)
class Wanted:
    """Which rows are collected, and as what."""

    target: str
    """The column that takes the label."""

    clock: str = "_time"
    """Column that says when a row happened."""

    held: Sequence[tuple[str, str]] = ()
    """Starts and ends, ISO times, between which no row is collected."""

    @classmethod
    def of(cls, target: str, found: Watched, policy: Policy) -> Self:
        """Leave out the windows that the policy does not learn from."""
        held = [(window.start, window.end) for window in found.windows if not policy.learns_from(window)]
        return cls(target, found.clock, tuple(held))


@dataclass(frozen=True)
class Collected:
    """How many rows were added, and how many labelled ones were left where they are."""

    added: int = 0
    held: int = 0


def collect(traffic: Traffic, folder: Path, *, wanted: Wanted, notes: Path) -> Collected:
    """Write the labelled rows that were not collected before into a new file of ``folder``.

    Args:
        traffic: what the deployment was asked, and the labels.
        folder: Parquet files with the same columns; their first one says which, and of what types.
        wanted: which rows.
        notes: where it is written down which rows were collected.

    Raises:
        ProjectError: the rows lack a column that the files have, or no row fits.
    """
    import polars as pl

    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise ProjectError(
            f"{folder} holds no Parquet file whose columns could be followed",
            where="retrain.collect",
            fix="put the training data there as Parquet, or leave collect out",
        )
    make_folder(notes)
    _settle(notes, folder)
    rows = traffic.table()
    if rows.is_empty():
        return Collected()
    new = pl.col("_label").is_not_null() & ~pl.col("_shadow") & ~pl.col("_id").is_in(_known(notes))
    rows = rows.filter(new).unique("_id", keep="first", maintain_order=True)
    free = _free(rows, wanted)
    held = rows.height - free.height
    if free.is_empty():
        return Collected(held=held)
    ids, fitted = _fitted(free, pl.read_parquet_schema(files[0]), wanted.target)
    _write(ids, fitted, folder=folder, notes=notes)
    return Collected(len(ids), held)


def _settle(notes: Path, folder: Path) -> None:
    """Finish, or undo, what a kill has left."""
    for plan in notes.glob(f"*{_PLANNED}"):
        if (folder / f"{plan.stem}.parquet").exists():
            plan.rename(plan.with_suffix(_SETTLED))
        else:
            plan.unlink()
    for half in folder.glob(f".collected-*{TEMPORARY}"):
        half.unlink()
    sync_folder(notes)


def _known(notes: Path) -> list[str]:
    found: list[str] = []
    for note in sorted(notes.glob(f"*{_SETTLED}")):
        found += note.read_text(encoding="utf-8").split("\n")
    return found


def _free(rows: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Leave out the rows of held windows; a row that tells no time is in none."""
    import polars as pl

    if not wanted.held or wanted.clock not in rows.columns:
        return rows
    moment = moments(rows[wanted.clock])
    within = pl.Series([False]).new_from_index(0, rows.height)
    for start, end in wanted.held:
        within |= moment.is_between(datetime.fromisoformat(start), datetime.fromisoformat(end), closed="left")
    return rows.filter(~within.fill_null(value=False))


def _fitted(rows: pl.DataFrame, schema: Mapping[str, pl.DataType], target: str) -> tuple[list[str], pl.DataFrame]:
    """Give rows the types of the data; those that do not fit are left where they are.

    Returns:
        IDs of the rows, and the rows.
    """
    import polars as pl

    given = {**{name: name for name in rows.columns}, target: "_label"}
    lacking = [name for name in schema if name not in given]
    if lacking:
        raise ProjectError(
            f"the traffic has no column {lacking[0]!r}, which the training data has",
            where="retrain.collect",
            fix="let the deployment keep it beside the model's inputs: deploy.target.extra_columns",
        )
    typed = pl.DataFrame([_typed(rows[given[name]], kind).alias(name) for name, kind in schema.items()])
    lost = {name: typed[name].is_null() & rows[given[name]].is_not_null() for name in schema}
    bad = {name: int(column.sum()) for name, column in lost.items() if column.any()}
    fits = ~pl.DataFrame(lost).select(pl.any_horizontal(pl.all())).to_series()
    if bad:
        _complain(bad, given, lost, rows=rows, left=int(fits.sum()))
    return rows["_id"].filter(fits).to_list(), typed.filter(fits)


def _complain(
    bad: Mapping[str, int], given: Mapping[str, str], lost: Mapping[str, pl.Series], *, rows: pl.DataFrame, left: int
) -> None:
    """Say which values do not fit; refuse when no row is left."""
    name = max(bad, key=lambda item: bad[item])
    example = rows[given[name]].filter(lost[name])[0]
    said = f"{bad[name]:,} of {rows.height:,} labelled rows do not fit the training data: {name} is {example!r}"
    if not left:
        raise ProjectError(said, where="retrain.collect", fix="see what is sent, or give the data a type that holds it")
    _LOG.warning("%s; such rows are left out", said)


def _typed(values: pl.Series, kind: pl.DataType) -> pl.Series:
    """Give values a type; null where one does not fit."""
    import polars as pl

    if isinstance(kind, pl.Datetime):
        read = moments(values).dt.cast_time_unit(kind.time_unit)
        return read.dt.convert_time_zone(kind.time_zone) if kind.time_zone else read.dt.replace_time_zone(None)
    if values.dtype == pl.String and kind == pl.Date:
        return moments(values).dt.date()
    return values.cast(kind, strict=False)


def _write(ids: list[str], fitted: pl.DataFrame, *, folder: Path, notes: Path) -> None:
    number = 1 + max((int(note.stem.rpartition("-")[2]) for note in notes.glob(f"*{_SETTLED}")), default=0)
    name = f"collected-{number:06d}"
    plan = notes / f"{name}{_PLANNED}"
    write_atomic(plan, "\n".join(ids).encode())
    hidden = folder / f".{name}{TEMPORARY}"
    with writing(folder, "add collected rows"):
        fitted.write_parquet(hidden)
        with hidden.open("rb") as file:
            os.fsync(file.fileno())
        hidden.replace(folder / f"{name}.parquet")
        sync_folder(folder)
        plan.rename(plan.with_suffix(_SETTLED))
        sync_folder(notes)
