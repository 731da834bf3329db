"""One look at a deployment's traffic, or at files of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.errors import ProjectError
from mlops.formats.bundle import Bundle
from mlops.prediction.finding import find_bundle
from mlops.services.monitor import Subject, Watched
from mlops.services.traffic import Traffic
from mlops.watching.references import latest_reference, references
from mlops.watching.subject import Loop

if TYPE_CHECKING:
    import polars as pl

__all__ = ["look_at", "look_at_files"]


def look_at(loop: Loop) -> Watched:
    """Look at all that the recipe's deployment was asked.

    Raises:
        ProjectError: there is no deployment, no monitor, nothing was asked yet, or there is no reference.
    """
    import polars as pl

    name, monitor = loop.deployment, loop.monitor
    rows = Traffic.of(name, loop.place).table()
    if rows.is_empty():
        raise ProjectError(
            f"the deployment {name} was asked nothing yet", fix=f"mlops status {name} tells where to ask"
        )
    rows = rows.filter(~pl.col("_shadow"))
    versions = rows["_version"].drop_nulls().unique().to_list()
    return monitor.look(Subject(name, rows, references(loop, versions)), loop.place)


def look_at_files(loop: Loop, pattern: str) -> Watched:
    """Look at rows of files as if the recipe's last bundle had been asked about them; their target is the label.

    Raises:
        ProjectError: there are no such files, no run, or no profile.
    """
    import polars as pl

    found = loop.work.project.find(pattern)
    if not found:
        raise ProjectError(f"there is no file {pattern!r}", fix="name a CSV or Parquet file, or a glob of them")
    rows = pl.concat([_read(path) for path in found], how="diagonal_relaxed")
    reference = latest_reference(loop)
    bundle = find_bundle(loop.work.project, loop.recipe.name).bundle
    return loop.monitor.look(Subject(loop.recipe.name, _answered(rows, bundle), {0: reference}), loop.place)


def _read(path: str) -> pl.DataFrame:
    import polars as pl

    return pl.read_csv(path, try_parse_dates=True) if path.endswith((".csv", ".csv.gz")) else pl.read_parquet(path)


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
