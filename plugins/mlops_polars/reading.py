"""Reading a table: open the source lazily, convert, filter, select, and stream the rows into an artifact."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from mlops.errors import StageError
from mlops.formats.table import Table
from mlops.stage import Context
from mlops_polars.casting import casted
from mlops_polars.expressions import compiled, first_line
from mlops_polars.fields import near
from mlops_polars.files import fetched, found, scanned
from mlops_polars.sources import is_url, shown

if TYPE_CHECKING:
    from mlops_polars.data import Data

__all__ = ["opened", "read_table", "translated"]


def read_table(data: Data, *, context: Context) -> Table:
    """Carry out a ``data`` section.

    Raises:
        StageError: the source cannot be read, lacks a column that the section names, holds a value
            that does not fit its declared type, or has no rows left.
    """
    scratch = context.folder / "scratch"
    scratch.mkdir()
    with translated(data.title):
        frame = _shaped(opened(data, context=context), data)
        _check_roles(data, frame.collect_schema().names())
        context.log.info("reading %s", shown(data.title))
        table = Table.create(context.output("table"), frame, roles=data.roles)
    shutil.rmtree(scratch)
    if not table.rows:
        cause = f"`where: {data.where}` keeps none of them" if data.where else "it is empty"
        raise StageError("the table has no rows", where=shown(data.title), fix=f"look at the source: {cause}")
    return table


def opened(data: Data, *, context: Context) -> pl.LazyFrame:
    """Open the section's source lazily, with its columns as they are there."""
    scratch = context.folder / "scratch"
    if data.chosen_format == "sql":
        from mlops_polars.databases import queried

        return queried(data, scratch, context=context)
    paths = found(data.path, context.find(data.source))
    if any(is_url(path) for path in paths):
        paths = fetched(paths, scratch, options=data.options)
    return scanned(data, paths)


def _shaped(frame: pl.LazyFrame, data: Data) -> pl.LazyFrame:
    """Rename, convert, filter, select and cut, in this order."""
    names = frame.collect_schema().names()
    _check_columns(data.rename, names, key="rename")
    frame = frame.rename(data.rename)
    _check_columns(data.types, frame.collect_schema().names(), key="types")
    frame = casted(frame, data.types)
    schema = frame.collect_schema()
    if data.where is not None:
        frame = frame.filter(compiled(data.where, schema, key="where"))
    _check_columns(data.columns, schema.names(), key="columns")
    _check_columns(data.drop, schema.names(), key="drop")
    frame = frame.select(data.columns) if data.columns else frame.drop(data.drop)
    return frame if data.limit is None else frame.head(data.limit)


def _check_columns(wanted: Iterable[str], names: list[str], *, key: str) -> None:
    for name in wanted:
        if name not in names:
            raise StageError(f"`{key}` names the column {name!r}, which is not there", fix=near(name, names))


def _check_roles(data: Data, names: list[str]) -> None:
    for role in ("target", "time", "group", "weight"):
        name = getattr(data, role)
        if name is not None:
            _check_columns([name], names, key=role)
    _check_columns(data.id, names, key="id")


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn what Polars and the system raise while reading into a stage error that names the source."""
    try:
        yield
    except pl.exceptions.NoDataError as exc:
        raise StageError("the source is empty: it has no header and no rows", where=shown(path)) from exc
    except pl.exceptions.PolarsError as exc:
        fix = "declare the column in `types`, or raise `csv.infer_rows`" if "could not parse" in str(exc) else ""
        raise StageError(f"the source cannot be read: {first_line(exc)}", where=shown(path), fix=fix) from exc
    except OSError as exc:
        reason = exc.strerror or first_line(exc)
        raise StageError(f"the source cannot be read: {reason}", where=shown(path)) from exc
