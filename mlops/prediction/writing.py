"""A file of predictions that grows batch by batch and appears, whole, under its name at the end."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import polars as pl
import pyarrow as pa

from mlops.durable import TEMPORARY, Lock, make_folder, sync_folder, try_lock, writing
from mlops.errors import ProjectError, StageError, StoreError
from mlops.prediction.file_kinds import GZIP, kind_of

__all__ = ["Sink"]


class Sink:
    """An output file: enter, write frames, leave. Left by an error, nothing of it stays.

    with Sink(path) as sink:
        sink.write(frame)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.name.lower().endswith(GZIP):
            fix = "write Parquet, which is small in itself, or compress the file afterwards"
            raise ProjectError(f"predictions are not written compressed: {path}", fix=fix)
        self._kind = kind_of(str(path))
        self._beginning = f".{blake2b(path.name.encode(), digest_size=8).hexdigest()}-"
        self._temporary = path.with_name(f"{self._beginning}{os.urandom(8).hex()}{TEMPORARY}")
        self._lock: Lock | None = None
        self._schema: pl.Schema | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        make_folder(self._path.parent)
        self._clear()
        # The lock makes the file, so that there is no moment in which it has a name and no lock.
        self._lock = _locked(self._temporary)
        with writing(self._path, "write the predictions"):
            self._file: BinaryIO = self._temporary.open("wb")
        return self

    def _clear(self) -> None:
        """Remove what predictions to the same file left behind that were killed: nobody holds its lock any more."""
        for path in self._path.parent.glob(f"{self._beginning}*{TEMPORARY}"):
            lock = _locked(path)
            if lock is not None:
                with lock, suppress(OSError):
                    path.unlink()

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; all frames have the columns of the first.

        Raises:
            StageError: a column's values have another type than in the first frame.
            StoreUnwritable: the file system is full, read-only or failing.
        """
        fresh = self._schema is None
        rows = _written(frame) if self._schema is None else self._alike(_written(frame))
        self._schema = rows.schema
        with writing(self._path, "write the predictions"):
            if self._kind == "csv":
                self._file.write(rows.write_csv(include_header=fresh).encode())
            elif self._kind == "jsonl":
                self._file.write(rows.write_ndjson().encode())
            else:
                self._add(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with writing(self._path, "write the predictions"):
                    self._finish()
        finally:
            with suppress(OSError, pa.ArrowException):
                self._file.close()
            with suppress(OSError):
                self._temporary.unlink()
            if self._lock is not None:
                self._lock.close()

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._path)
        sync_folder(self._path.parent)

    def _add(self, table: Any) -> None:
        if self._writer is None:
            self._writer = _opener(self._kind)(self._file, table.schema)
        self._writer.write_table(table)

    def _alike(self, frame: pl.DataFrame) -> pl.DataFrame:
        try:
            return frame if frame.schema == self._schema else frame.cast(self._schema or pl.Schema())
        except pl.exceptions.PolarsError as exc:
            raise StageError(
                f"a column to keep changes its type on the way: {str(exc).splitlines()[0]}",
                where=str(self._path),
                fix="keep fewer columns, or write CSV",
            ) from exc


def _locked(path: Path) -> Lock | None:
    """Lock a file, made when missing; None when somebody else holds it, or the file system knows no locks."""
    try:
        return try_lock(path)
    except StoreError:
        return None


def _opener(kind: str) -> Callable[[Any, Any], Any]:
    if kind == "parquet":
        from pyarrow import parquet

        return lambda file, schema: parquet.ParquetWriter(file, schema, compression="zstd")
    opener: Callable[[Any, Any], Any] = pa.ipc.new_file
    return opener


def _written(frame: pl.DataFrame) -> pl.DataFrame:
    """Mixed values, and columns without any, are written as text."""
    changed = [
        pl.Series(name, [None if item in (None, ...) else str(item) for item in frame[name].to_list()], dtype=pl.String)
        for name, dtype in frame.schema.items()
        if dtype in (pl.Object, pl.Null)
    ]
    return frame.with_columns(changed) if changed else frame
