"""Files as lazy frames: from a recipe's path to local files, and from those to one scan."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mlops.errors import ProjectError, StageError
from mlops_polars.expressions import first_line
from mlops_polars.sources import is_url, shown

if TYPE_CHECKING:
    from mlops_polars.data import Data

__all__ = ["fetched", "found", "scanned"]


def found(path: str, candidates: Sequence[str]) -> list[str]:
    """List the files and URLs that a path stands for, in order of name.

    Raises:
        StageError: there is none, or one of them is a folder.
    """
    files = sorted(file for candidate in candidates for file in _expanded(candidate))
    if not files:
        raise StageError("no file matches", where=shown(path), fix="check the path; it is relative to the project")
    for file in files:
        if not is_url(file) and not Path(file).is_file():
            _refuse(Path(file), path)
    return files


def _expanded(candidate: str) -> list[str]:
    if is_url(candidate):
        return [candidate]
    local = candidate.removeprefix("file://")
    if not glob.has_magic(local) or Path(local).exists():
        return [local]
    return glob.glob(local, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns


def _refuse(file: Path, path: str) -> None:
    if file.is_dir():
        raise StageError(
            "the path is a folder", where=path, fix=f"name its files with a glob, such as {path.rstrip('/')}/*.parquet"
        )
    raise StageError("the file is not there", where=path, fix="check the path; it is relative to the project")


def fetched(urls: Sequence[str], folder: Path, *, options: dict[str, Any]) -> list[str]:
    """Copy what URLs name into a folder, so that any file system can be scanned lazily.

    Globs are expanded by the file system. The copies keep the order and the suffix of their URLs.
    """
    copies: list[str] = []
    for url in urls:
        for source in _listed(url, options):
            name = source.rsplit("/", 1)[-1].split("?", maxsplit=1)[0]
            target = folder / f"{len(copies):05d}-{name}"
            _copy(url, source, target, options=options)
            copies.append(str(target))
    return copies


def _filesystem(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    import fsspec

    try:
        return fsspec.core.url_to_fs(url, **options)  # type: ignore[no-any-return]  # fsspec has no types
    except ImportError as exc:
        raise ProjectError(f"the library for {shown(url)} is not installed", fix=str(exc)) from exc
    except (ValueError, TypeError) as exc:
        raise StageError(f"the URL cannot be opened: {first_line(exc)}", where=shown(url)) from exc


def _listed(url: str, options: dict[str, Any]) -> list[str]:
    system, path = _filesystem(url, options)
    if not glob.has_magic(path) or "?" in url.split("://", 1)[0]:
        return [path]
    matches = sorted(str(item) for item in system.glob(path))
    if not matches:
        raise StageError("no file matches", where=shown(url))
    return matches


def _copy(url: str, source: str, target: Path, *, options: dict[str, Any]) -> None:
    system, _ = _filesystem(url, options)
    try:
        with system.open(source, "rb") as remote, target.open("wb") as local:
            shutil.copyfileobj(remote, local, length=1 << 20)
    except FileNotFoundError as exc:
        raise StageError("the file is not there", where=shown(url)) from exc
    except OSError:
        raise
    except Exception as exc:  # each file system of fsspec has errors of its own
        raise StageError(f"the file cannot be fetched: {type(exc).__name__}", where=shown(url)) from exc


def scanned(data: Data, paths: Sequence[str]) -> pl.LazyFrame:
    """Open local files of one format as one lazy frame.

    Text formats hand over declared columns as text, so that `types` can name a value that does not fit.
    """
    files = list(paths)
    if data.chosen_format == "parquet":
        return pl.scan_parquet(files, glob=False)
    if data.chosen_format == "arrow":
        return pl.scan_ipc(files, glob=False)
    as_text = {_original(name, data.rename): pl.String for name in data.types}
    if data.chosen_format == "jsonl":
        return pl.scan_ndjson(files, schema_overrides=as_text, infer_schema_length=data.csv.infer_rows)
    return _scan_csv(data, files, as_text)


def _original(name: str, rename: dict[str, str]) -> str:
    return next((old for old, new in rename.items() if new == name), name)


def _scan_csv(data: Data, files: list[str], as_text: dict[str, type[pl.String]]) -> pl.LazyFrame:
    csv = data.csv
    tabs = all(file.lower().removesuffix(".gz").removesuffix(".zst").endswith(".tsv") for file in files)
    return pl.scan_csv(
        files,
        separator=csv.separator or ("\t" if tabs else ","),
        quote_char=csv.quote,
        has_header=csv.header,
        null_values=list(csv.null_values) or None,
        decimal_comma=csv.decimal_comma,
        skip_lines=csv.skip_lines,
        infer_schema_length=csv.infer_rows,
        schema_overrides=as_text,
        glob=False,
    )
