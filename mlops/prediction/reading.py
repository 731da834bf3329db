"""Files of rows, read a batch at a time and nothing more of them held in memory."""

from __future__ import annotations

import glob
import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from mlops.errors import ProjectError, StageError
from mlops.formats.rowcheck import frame_of
from mlops.prediction.file_kinds import GZIP, FileKind, kind_of

__all__ = ["Dialect", "Source", "sources"]

_BLOCK = 4 * 2**20
"""Bytes of a CSV file that are taken apart at once."""


@dataclass(frozen=True)
class Dialect:
    """How CSV files are written."""

    separator: str = ","
    null: tuple[str, ...] = ()
    """Texts that mean a missing value, besides the empty one."""


@dataclass(frozen=True)
class Source:
    """One file of rows."""

    path: str
    kind: FileKind
    dialect: Dialect

    @property
    def is_text(self) -> bool:
        """Whether every value is written as text."""
        return self.kind == "csv"

    def batches(self, columns: Collection[str], *, rows: int) -> Iterator[pl.DataFrame]:
        """Yield frames of at most so many rows, in order; at least one, which may be empty.

        Args:
            columns: the columns wanted; one that is not there is left out, and those whose names are near
                come along, so that they can be spoken of.
            rows: most rows of a frame.

        Raises:
            StageError: the file cannot be read as what its suffix says.
        """
        read = {"csv": self._csv, "parquet": self._parquet, "arrow": self._arrow, "jsonl": self._jsonl}[self.kind]
        with _reading(self.path):
            yield from _sliced(read(columns, rows), rows)

    def _csv(self, columns: Collection[str], _: int) -> Iterator[pl.DataFrame]:
        from pyarrow import csv

        parse = csv.ParseOptions(delimiter=self.dialect.separator, newlines_in_values=True)
        read = csv.ReadOptions(block_size=_BLOCK)
        with csv.open_csv(_whole_lines(self.path), read_options=read, parse_options=parse) as opened:
            names = opened.schema.names
        # An empty line is a row whose one value is missing, where a row has one value.
        parse.ignore_empty_lines = len(names) != 1
        wanted = _chosen(names, columns, path=self.path)
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=wanted,
            null_values=["", *self.dialect.null],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        opened = csv.open_csv(_whole_lines(self.path), read_options=read, parse_options=parse, convert_options=convert)
        with opened:
            yield _frame(opened.schema.empty_table())
            for batch in opened:
                yield _frame(batch)

    def _parquet(self, columns: Collection[str], rows: int) -> Iterator[pl.DataFrame]:
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            names = _chosen(file.schema_arrow.names, columns, path=self.path)
            yield _frame(file.schema_arrow.empty_table().select(names))
            for batch in file.iter_batches(batch_size=rows, columns=names):
                yield _frame(batch)

    def _arrow(self, columns: Collection[str], _: int) -> Iterator[pl.DataFrame]:
        with pa.memory_map(self.path) as mapped:
            for batch in _record_batches(mapped):
                names = _chosen(batch.schema.names, columns, path=self.path)
                yield _frame(batch.select(names))

    def _jsonl(self, columns: Collection[str], rows: int) -> Iterator[pl.DataFrame]:
        found: list[dict[str, Any]] = []
        with io.TextIOWrapper(_opened(self.path), encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    found.append(_row(line, f"{self.path}, line {number}"))
                if len(found) == rows:
                    yield _laid_out(found, columns)
                    found = []
        if found:
            yield _laid_out(found, columns)


def sources(pattern: str, dialect: Dialect) -> list[Source]:
    """Find the files that a path or glob names, in order of their names.

    Raises:
        ProjectError: there is no such file, or it has an unknown suffix.
    """
    if "://" in pattern:
        raise ProjectError(f"{pattern} is a URL", fix="fetch the file first: prediction reads files of this machine")
    path = Path(pattern).expanduser()
    if path.is_dir():
        raise ProjectError(f"{pattern} is a folder", fix=f"name its files with a glob in quotes, '{path}/*.parquet'")
    found = [str(path)] if path.exists() else sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute too
    if not found:
        raise ProjectError(
            f"there is no file {pattern}", where=str(Path.cwd()), fix="paths start at the current folder"
        )
    return [Source(name, kind_of(name), dialect) for name in found]


def _chosen(names: Sequence[str], columns: Collection[str], *, path: str) -> list[str]:
    """Choose which columns of a file to read: the wanted ones, and what may be meant by one that is not there."""
    near = {match for name in columns if name not in names for match in get_close_matches(name, names, n=1)}
    near = {name for name in near if names.count(name) == 1}
    return _single([name for name in names if name in columns or name in near], path)


def _laid_out(rows: list[dict[str, Any]], columns: Collection[str]) -> pl.DataFrame:
    keys = list(rows[0])
    near = [match for name in columns if name not in keys for match in get_close_matches(name, keys, n=1)]
    return frame_of(rows, tuple(dict.fromkeys([*columns, *near])))


def _single(names: list[str], path: str) -> list[str]:
    """Refuse a column that comes twice: which of the two is meant cannot be told."""
    double = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if double is not None:
        raise StageError(f"there are two columns {double!r}", where=path, fix="leave one out, or rename it")
    return names


def _whole_lines(path: str) -> Any:
    """What the file holds; one line without an end gets its end, for else pyarrow sees no header in it."""
    with _opened(path) as file:
        start = file.read(_BLOCK)
    one = start and len(start) < _BLOCK and not {b"\n"[0], b"\r"[0]} & set(start)
    if one:
        return pa.BufferReader(start + b"\n")
    return pa.input_stream(path, compression="gzip" if path.lower().endswith(GZIP) else None)


def _opened(path: str) -> Any:
    """Open a file, and look into it when it is compressed."""
    return gzip.open(path, "rb") if path.lower().endswith(GZIP) else Path(path).open("rb")


@contextmanager
def _reading(path: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, EOFError, zlib.error) as exc:
        raise StageError(f"the file cannot be read: {exc}", where=path, fix="is it what its suffix says?") from exc
    except OSError as exc:
        raise StageError(f"the file cannot be read: {exc.strerror or exc}", where=path) from exc


def _record_batches(mapped: Any) -> Iterator[Any]:
    """Batches of an Arrow file, or of a stream of batches written to one."""
    try:
        file = pa.ipc.open_file(mapped)
    except pa.ArrowInvalid:
        mapped.seek(0)
        stream = pa.ipc.open_stream(mapped)
        yield pa.RecordBatch.from_pylist([], schema=stream.schema)
        yield from stream
        return
    yield pa.RecordBatch.from_pylist([], schema=file.schema)
    for place in range(file.num_record_batches):
        yield file.get_batch(place)


class _DoubleKey(Exception):
    """An object has a key twice, so that which of its values is meant cannot be told."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _DoubleKey(next(key for place, key in enumerate(keys) if key in keys[:place]))
    return made


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_object)
    except _DoubleKey as exc:
        raise StageError(f"the line has the key {exc.args[0]!r} twice", where=where, fix="leave one out") from exc
    except (ValueError, RecursionError) as exc:
        raise StageError(f"the line is no JSON: {exc}", where=where) from exc
    if not isinstance(value, dict):
        raise StageError("the line is no JSON object", where=where, fix='write one object a line, such as {"a": 1}')
    return value


def _frame(batch: Any) -> pl.DataFrame:
    made = pl.from_arrow(batch)
    return made if isinstance(made, pl.DataFrame) else made.to_frame()


def _sliced(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Bring frames to a size: small ones are put together, large ones cut; an empty one comes only alone."""
    held: list[pl.DataFrame] = []
    seen, empty = False, pl.DataFrame()
    for frame in frames:
        empty = frame.clear()
        held += [frame] if frame.height else []
        while sum(item.height for item in held) >= rows:
            whole = held[0] if len(held) == 1 else pl.concat(held)
            yield whole[:rows]
            seen, held = True, [whole[rows:]] if whole.height > rows else []
    if held or not seen:
        yield pl.concat(held) if held else empty
