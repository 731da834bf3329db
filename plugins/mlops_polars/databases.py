"""Tables from databases: SQLite, ADBC, connectorx, and every DB-API driver through SQLAlchemy."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import polars as pl

from mlops.errors import MissingExtra, MlopsError, ProjectError, StageError
from mlops.stage import Context
from mlops_polars.expressions import first_line
from mlops_polars.sources import shown, sqlite_file

if TYPE_CHECKING:
    from mlops_polars.data import Data

__all__ = ["queried"]

_BATCH = 50_000
"""Rows held in memory at a time."""

_ADBC_DRIVERS = ("sqlite", "postgresql", "postgres", "snowflake")


def queried(data: Data, folder: Path, *, context: Context) -> pl.LazyFrame:
    """Run a section's query and spool its rows through ``folder``, so that they need not fit into memory.

    Raises:
        MissingExtra: the library for the URL is not installed.
        StageError: the database or the query failed; passwords in the URL are not shown.
    """
    url, query = _located(data.path, context), str(data.query)
    try:
        return _spooled(_batches(url, query), folder)
    except MlopsError:
        raise
    except Exception as exc:  # noqa: BLE001 - each driver has errors of its own
        raise StageError(
            f"the query failed: {_hidden(first_line(exc), url)}", where=f"{shown(data.path)}: {query}"
        ) from (exc if _hidden(str(exc), url) == str(exc) else None)


def _located(url: str, context: Context) -> str:
    """Put the real path of an SQLite file into its URL."""
    file = sqlite_file(url)
    if file is None:
        return url
    paths = context.find(file)
    if len(paths) != 1 or not Path(paths[0]).is_file():
        raise StageError(
            "the database file is not there", where=url, fix="check the path; it is relative to the project"
        )
    log = Path(f"{paths[0]}-wal")
    if log.is_file() and log.stat().st_size:
        context.log.warning(
            "%s has changes in a write-ahead log, which do not count as a change of the file; "
            "run `pragma wal_checkpoint(truncate)` on it to be told of them",
            shown(url),
        )
    return url.replace(f"///{file}", f"///{Path(paths[0]).resolve()}", 1)


def _hidden(text: str, url: str) -> str:
    """Take a URL and its password out of a driver's message."""
    text = text.replace(url, shown(url))
    password = re.search(r"//[^/:@]*:([^@]+)@", url)
    if password:
        text = text.replace(password.group(1), "***").replace(unquote(password.group(1)), "***")
    return text


def _batches(url: str, query: str) -> Iterator[pl.DataFrame]:
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return _by_sqlite(rest.removeprefix("/"), query)
    if scheme.startswith("adbc+"):
        return _by_adbc(url.removeprefix("adbc+"), query)
    if scheme.startswith("connectorx+"):
        return _by_connectorx(url.removeprefix("connectorx+"), query)
    return _by_sqlalchemy(url, query)


@contextmanager
def _needed() -> Iterator[None]:
    """Name the extra when a driver that the block imports is not installed."""
    try:
        yield
    except ModuleNotFoundError as exc:
        raise MissingExtra(str(exc.name).split(".", maxsplit=1)[0], extra="sql") from exc


def _adbc_driver(scheme: str) -> Any:
    """Import a driver by a name that is written out, so that the stage's code digest stays exact."""
    with _needed():
        if scheme == "sqlite":
            from adbc_driver_sqlite import dbapi
        elif scheme.startswith("postgres"):
            from adbc_driver_postgresql import dbapi
        else:
            from adbc_driver_snowflake import dbapi
    return dbapi


def _by_sqlite(file: str, query: str) -> Iterator[pl.DataFrame]:
    file = file.split("?", maxsplit=1)[0]
    with closing(sqlite3.connect(f"file:{quote(file)}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        yield from _frames(names, iter(lambda: cursor.fetchmany(_BATCH), []))


def _by_sqlalchemy(url: str, query: str) -> Iterator[pl.DataFrame]:
    with _needed():
        import sqlalchemy as alchemy
    try:
        engine = alchemy.create_engine(url)
    except ModuleNotFoundError as exc:
        raise ProjectError(
            f"the driver {exc.name!r} for {shown(url)} is not installed", fix=f"pip install {exc.name}"
        ) from exc
    try:
        with engine.connect() as connection:
            rows = connection.execution_options(stream_results=True, yield_per=_BATCH).execute(alchemy.text(query))
            yield from _frames(list(rows.keys()), ([tuple(row) for row in part] for part in rows.partitions(_BATCH)))
    finally:
        engine.dispose()


def _frames(names: list[str], batches: Iterable[list[tuple[Any, ...]]]) -> Iterator[pl.DataFrame]:
    """Turn rows into frames; a first empty one carries the names of a result without rows."""
    yield pl.DataFrame(schema=dict.fromkeys(names, pl.Null))
    for batch in batches:
        yield pl.DataFrame(batch, schema=names, orient="row", infer_schema_length=None)


def _by_adbc(url: str, query: str) -> Iterator[pl.DataFrame]:
    scheme = url.partition("://")[0]
    if scheme not in _ADBC_DRIVERS:
        raise StageError(
            f"no ADBC driver is known for {scheme!r}", where=shown(url), fix=f"known: {', '.join(_ADBC_DRIVERS)}"
        )
    driver = _adbc_driver(scheme)
    target = url.removeprefix("sqlite:///") if scheme == "sqlite" else url
    with driver.connect(target) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        yield from _arrow(cursor.fetch_record_batch())


def _by_connectorx(url: str, query: str) -> Iterator[pl.DataFrame]:
    with _needed():
        import connectorx
    target = url.replace("sqlite:///", "sqlite://", 1)
    yield from _arrow(connectorx.read_sql(target, query, return_type="arrow_stream", batch_size=_BATCH))


def _arrow(reader: Any) -> Iterator[pl.DataFrame]:
    import pyarrow as pa

    yield pl.DataFrame(pl.from_arrow(reader.schema.empty_table()))
    for batch in reader:
        yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch], schema=reader.schema)))


def _spooled(batches: Iterator[pl.DataFrame], folder: Path) -> pl.LazyFrame:
    """Write each batch to a file and open them as one frame whose types hold every batch."""
    scans: list[pl.LazyFrame] = []
    for index, batch in enumerate(batches):
        path = folder / f"rows-{index:06d}.parquet"
        batch.write_parquet(path, compression="zstd", compression_level=1)
        scans.append(pl.scan_parquet(path))
    frame = pl.concat(scans, how="vertical_relaxed")
    try:
        frame.collect_schema()
    except pl.exceptions.PolarsError as exc:
        raise StageError(
            f"the query's rows do not have one type a column: {first_line(exc)}", fix="cast the column in `query`"
        ) from exc
    return frame
