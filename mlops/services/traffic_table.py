"""Segments of a log of predictions → one table, read by Polars where all lines are alike, else line by line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

__all__ = ["table"]

_ABOUT: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "_id": pl.String,
    "_time": pl.Datetime("us", "UTC"),
    "_version": pl.Int64,
    "_shadow": pl.Boolean,
}
_TIMES = (pl.Date, pl.Datetime, pl.Time)


def table(segments: Iterable[Path], labels: Mapping[str, Any], *, since: float, until: float) -> pl.DataFrame:
    """Read segments; see `Traffic.table`."""
    frames = [frame for path in segments if (frame := _segment(path, since, until)).height]
    if not frames:
        return pl.DataFrame(schema={**_ABOUT, "_label": pl.Null})
    whole = frames[0] if len(frames) == 1 else pl.concat(_fitted(frames), how="diagonal_relaxed")
    return _with_labels(whole, labels)


def _fitted(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """Write columns as text where segments have types that do not go together, such as text and numbers."""
    kinds: dict[str, set[bool]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            if dtype != pl.Null:
                kinds.setdefault(name, set()).add(dtype.is_numeric())
    mixed = [name for name, found in kinds.items() if len(found) > 1]
    return [
        frame.with_columns(pl.col(name).cast(pl.String) for name in mixed if name in frame.columns) for frame in frames
    ]


def _segment(path: Path, since: float, until: float) -> pl.DataFrame:
    content = path.read_bytes()
    content = content[: content.rfind(b"\n") + 1]
    if not content:
        return pl.DataFrame()
    try:
        frame = _at_once(content)
    except (pl.exceptions.PolarsError, ValueError):
        frame = _by_line(content)
    if not frame.height:
        return frame
    frame = frame.filter((pl.col("_time") >= since) & (pl.col("_time") < until))
    return frame.with_columns(
        pl.from_epoch((pl.col("_time") * 1e6).round().cast(pl.Int64), "us").dt.replace_time_zone("UTC")
    )


def _at_once(content: bytes) -> pl.DataFrame:
    found = pl.read_ndjson(io.BytesIO(content), infer_schema_length=None)
    row, answer = found["row"].struct.unnest(), found["answer"].struct.unnest()
    if any(dtype in _TIMES for dtype in (*row.dtypes, *answer.dtypes)):
        raise ValueError("times must stay as they were written")
    about = found.select(
        pl.col("id").alias("_id"),
        pl.col("time").cast(pl.Float64).alias("_time"),
        pl.col("version").cast(pl.Int64).alias("_version"),
        pl.col("shadow").alias("_shadow"),
    )
    answer.columns = [f"_answer_{name}" for name in answer.columns]
    return pl.concat([about, row, answer], how="horizontal")


def _by_line(content: bytes) -> pl.DataFrame:
    rows = []
    for line in content.splitlines():
        try:
            rows.append(_flat(json.loads(line)))
        except (ValueError, KeyError, TypeError):  # torn by a power cut
            continue
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def _flat(line: dict[str, Any]) -> dict[str, Any]:
    about = {"_id": line["id"], "_time": float(line["time"]), "_version": line["version"], "_shadow": line["shadow"]}
    return {**about, **line["row"], **{f"_answer_{name}": value for name, value in line["answer"].items()}}


def _with_labels(frame: pl.DataFrame, labels: Mapping[str, Any]) -> pl.DataFrame:
    known = pl.DataFrame(
        {"_id": list(labels), "_label": pl.Series(list(labels.values()), strict=False)},
        schema_overrides={"_id": pl.String},
    )
    joined = frame.join(known, on="_id", how="left", maintain_order="left")
    return joined.select(*_ABOUT, "_label", pl.exclude(*_ABOUT, "_label"))
