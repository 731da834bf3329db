"""Labelled rows of a deployment, brought to where its recipe reads its data from.

Which rows a file was to hold is written down before the file appears, so that a kill in between
neither loses a row nor adds one twice: a list of rows without its file does not count.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.durable import TEMPORARY, make_folder, sync_folder, write_atomic, writing
from mlops.errors import ProjectError
from mlops.services.traffic import Traffic

if TYPE_CHECKING:
    import polars as pl

__all__ = ["collect"]


def collect(traffic: Traffic, folder: Path, *, target: str, notes: Path) -> int:
    """Write the labelled rows that were not collected before into a new file of ``folder``.

    Args:
        traffic: what the deployment was asked, and the labels.
        folder: Parquet files with the same columns; their first one says which, and of what types.
        target: the column that takes the label.
        notes: where it is written down which rows were collected.

    Returns:
        How many rows were added.

    Raises:
        ProjectError: the rows lack a column that the files have, or a value does not fit.
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
    rows = traffic.table()
    if rows.is_empty():
        return 0
    rows = rows.filter(
        pl.col("_label").is_not_null() & ~pl.col("_shadow") & ~pl.col("_id").is_in(_known(notes, folder))
    )
    if rows.is_empty():
        return 0
    _write(rows, _fitted(rows, pl.read_parquet_schema(files[0]), target), folder=folder, notes=notes)
    return rows.height


def _known(notes: Path, folder: Path) -> list[str]:
    found: list[str] = []
    for note in sorted(notes.glob("*.ids")):
        if (folder / f"{note.stem}.parquet").exists():
            found += note.read_text(encoding="utf-8").split("\n")
    return found


def _fitted(rows: pl.DataFrame, schema: Mapping[str, pl.DataType], target: str) -> pl.DataFrame:
    import polars as pl

    given = {**{name: name for name in rows.columns}, target: "_label"}
    lacking = [name for name in schema if name not in given]
    if lacking:
        raise ProjectError(
            f"the traffic has no column {lacking[0]!r}, which the training data has",
            where="retrain.collect",
            fix="let the deployment keep it beside the model's inputs: deploy.target.extra_columns",
        )
    try:
        return rows.select(_typed(rows, given[name], kind).alias(name) for name, kind in schema.items())
    except pl.exceptions.PolarsError as exc:
        raise ProjectError(
            f"a row of the traffic does not fit the training data: {exc}", where="retrain.collect"
        ) from exc


def _typed(rows: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    import polars as pl

    if rows.schema[name] == pl.String and isinstance(kind, pl.Datetime):
        return pl.col(name).str.to_datetime(time_unit=kind.time_unit, time_zone=kind.time_zone)
    return pl.col(name).cast(kind)


def _write(rows: pl.DataFrame, fitted: pl.DataFrame, *, folder: Path, notes: Path) -> None:
    number = 1 + max((int(note.stem.rpartition("-")[2]) for note in notes.glob("*.ids")), default=0)
    name = f"collected-{number:06d}"
    write_atomic(notes / f"{name}.ids", "\n".join(rows["_id"]).encode())
    hidden = folder / f".{name}{TEMPORARY}"
    with writing(folder, "add collected rows"):
        fitted.write_parquet(hidden)
        with hidden.open("rb") as file:
            os.fsync(file.fileno())
        hidden.replace(folder / f"{name}.parquet")
    sync_folder(folder)
