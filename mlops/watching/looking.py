"""One look at a deployment's traffic, or at files of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.errors import ProjectError
from mlops.formats.bundle import Bundle
from mlops.services.monitor import Subject, Watched
from mlops.services.traffic import Traffic
from mlops.watching.references import latest_reference, references
from mlops.watching.subject import Loop

if TYPE_CHECKING:
    import polars as pl

__all__ = ["look_at", "look_at_files"]


def look_at(loop: Loop) -> Watched:
    """Look at all that the recipe's deployment was asked; no window when that is nothing yet.

    Raises:
        ProjectError: there is no deployment, no monitor, or no reference.
    """
    import polars as pl

    name, monitor = loop.deployment, loop.monitor
    deployed = loop.target.status(name, loop.place)
    rows = Traffic.of(name, loop.place).table()
    rows = rows.filter(~pl.col("_shadow"))
    if rows.is_empty():
        return Watched(name, (), ())
    model = deployed.leading.model if deployed.leading else loop.model
    versions = rows["_version"].drop_nulls().unique().to_list()
    return monitor.look(Subject(name, rows, references(loop, model, versions)), loop.place)


def look_at_files(loop: Loop, pattern: str) -> Watched:
    """Look at rows of files as if the recipe's last bundle had been asked about them; their target is the label.

    Raises:
        ProjectError: there are no such files, no run, or no profile.
    """
    import polars as pl

    monitor = loop.monitor
    found = loop.work.project.find(pattern)
    if not found:
        raise ProjectError(f"there is no file {pattern!r}", fix="name a CSV or Parquet file, or a glob of them")
    rows = pl.concat([_read(path) for path in found], how="diagonal_relaxed")
    reference, bundle = latest_reference(loop)
    name = f"{loop.recipe.name}-files"
    return monitor.look(Subject(name, _answered(rows, bundle), {0: reference}), loop.place)


def _read(path: str) -> pl.DataFrame:
    import polars as pl

    try:
        if path.endswith((".csv", ".csv.gz")):
            return pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as exc:
        raise ProjectError(f"the file cannot be read: {exc}", where=path, fix="give a CSV or Parquet file") from exc


def _answered(rows: pl.DataFrame, bundle: Bundle) -> pl.DataFrame:
    """Score rows and name the columns as a deployment's log does."""
    import polars as pl

    answers = bundle.predict(rows, bad_rows="null").drop("error")
    target = bundle.signature["target"]
    label = pl.col(target) if target in rows.columns else pl.lit(None)
    return rows.with_columns(
        *(answers[name].alias(f"_answer_{name}") for name in answers.columns),
        label.alias("_label"),
        pl.int_range(pl.len()).cast(pl.String).alias("_id"),
        pl.lit(0).alias("_version"),
        pl.lit(0.0).alias("_time"),
    ).drop(name for name in (target,) if name in rows.columns)
