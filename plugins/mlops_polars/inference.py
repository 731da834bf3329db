"""Proposing a contract from a table: what holds today, with room for tomorrow."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from mlops.errors import ProjectError
from mlops.stage import Context
from mlops_polars.data import Data
from mlops_polars.dtypes import name_of
from mlops_polars.reading import opened, translated
from mlops_polars.sources import FORMATS, format_of, is_database

__all__ = ["propose", "propose_for", "render_yaml"]

_FEWEST_ROWS = 100
"""Rows it takes before a column without repeats is called unique."""

_ROWS_PER_CHOICE = 5
"""Rows that each distinct text must stand for, on average, before the texts are called choices."""


@dataclass(frozen=True)
class _Seen:
    """What a pass over one column saw."""

    dtype: pl.DataType
    rows: int
    nulls: int
    distinct: int
    """Distinct values, a null not counted."""

    low: Any
    high: Any

    @property
    def is_flag(self) -> bool:
        """Whether it holds the numbers 0 and 1 only."""
        return self.dtype.is_numeric() and (self.low, self.high, self.distinct) == (0, 1, 2)

    def is_choice(self, most: int) -> bool:
        """Whether it holds few enough texts to list them."""
        return name_of(self.dtype) in ("string", "categorical") and (
            0 < self.distinct <= min(most, self.rows // _ROWS_PER_CHOICE)
        )


def propose(table: pl.DataFrame | pl.LazyFrame, *, margin: float = 0.1, choices: int = 20) -> dict[str, Any]:
    """Propose the keys of a ``validate`` section that the table meets.

    Args:
        table: The rows to learn from; a lazy table is streamed.
        margin: How far a numeric range is widened on each side, as a share of its span.
        choices: Most distinct texts for which the allowed values are listed.

    Returns:
        ``extra_columns``, ``rows``, and ``columns``: type, nullable, and allowed, a range or unique.
    """
    frame = table.lazy()
    seen = _seen(frame)
    listed = _listed(frame, [name for name, column in seen.items() if column.is_choice(choices)])
    rows = next((column.rows for column in seen.values()), 0)
    columns = {
        name: _identity(column) | _values(column, listed.get(name, []), margin=margin) for name, column in seen.items()
    }
    return {"extra_columns": "fail", "rows": {"min": max(1, rows // 2)}, "columns": columns}


def propose_for(path: str, *, margin: float = 0.1, choices: int = 20) -> dict[str, Any]:
    """Propose a contract for a file, a glob or a URL.

    Raises:
        ProjectError: the format cannot be told from the path.
        StageError: the source is not there or cannot be read.
    """
    if format_of(path) is None or is_database(path):
        known = ", ".join(suffix for suffix, _ in FORMATS)
        raise ProjectError(f"no contract can be proposed for {path!r}", fix=f"name a file that ends in {known}")
    with tempfile.TemporaryDirectory() as folder, translated(path):
        (Path(folder) / "scratch").mkdir()
        frame = opened(Data(path=path), context=Context(folder=Path(folder)))
        return propose(frame, margin=margin, choices=choices)


def _seen(frame: pl.LazyFrame) -> dict[str, _Seen]:
    """Look at every column in one pass."""
    schema = frame.collect_schema()
    flat = [name for name, dtype in schema.items() if not dtype.is_nested()]
    answers = [
        answer
        for name in flat
        for answer in (
            pl.col(name).drop_nulls().n_unique().alias(f"distinct:{name}"),
            _edge(name, schema[name]).min().alias(f"low:{name}"),
            _edge(name, schema[name]).max().alias(f"high:{name}"),
        )
    ]
    counts = [pl.col(name).null_count().alias(f"nulls:{name}") for name in schema]
    facts = frame.select(pl.len().alias("rows:"), *counts, *answers).collect(engine="streaming").row(0, named=True)
    return {
        name: _Seen(
            dtype,
            rows=facts["rows:"],
            nulls=facts[f"nulls:{name}"],
            distinct=facts.get(f"distinct:{name}", 0),
            low=facts.get(f"low:{name}"),
            high=facts.get(f"high:{name}"),
        )
        for name, dtype in schema.items()
    }


def _edge(name: str, dtype: pl.DataType) -> pl.Expr:
    """The values whose smallest and largest matter: numbers that are finite."""
    values = pl.col(name)
    if dtype.is_float():
        return values.filter(values.is_finite())
    return values if dtype.is_numeric() else pl.lit(None)


def _listed(frame: pl.LazyFrame, names: list[str]) -> dict[str, list[str]]:
    """List the distinct texts of columns that have few, in one pass."""
    if not names:
        return {}
    texts = [pl.col(name).drop_nulls().cast(pl.String).unique().sort().implode() for name in names]
    return frame.select(texts).collect(engine="streaming").row(0, named=True)


def _identity(column: _Seen) -> dict[str, Any]:
    """The type of a column, whether it has nulls, and whether it names rows."""
    word = name_of(column.dtype)
    keys: dict[str, Any] = {} if word is None else {"type": word}
    if not column.nulls:
        keys["nullable"] = False
    names_rows = column.distinct == column.rows >= _FEWEST_ROWS
    if names_rows and (column.dtype.is_integer() or column.dtype == pl.String()):
        keys["unique"] = True
    return keys


def _values(column: _Seen, texts: list[str], *, margin: float) -> dict[str, Any]:
    """What values a column may hold."""
    if column.is_flag:
        return {"allowed": [0, 1]}
    if texts:
        return {"allowed": texts}
    if column.low is None or column.dtype.is_decimal():
        return {}
    low, high = _widened(column.low, column.high, margin=margin)
    return {"min": low, "max": high}


def _widened(low: float, high: float, *, margin: float) -> tuple[float, float]:
    """Widen a range on both sides without crossing zero, and round it outward."""
    room = margin * ((high - low) or abs(low))
    wide_low = max(low - room, 0) if low >= 0 else low - room
    wide_high = min(high + room, 0) if high <= 0 else high + room
    if isinstance(low, int):
        return math.floor(wide_low), math.ceil(wide_high)
    return _rounded(wide_low, math.floor), _rounded(wide_high, math.ceil)


def _rounded(value: float, outward: Any) -> float:
    """Round to three significant digits by ``outward`` (floor or ceil)."""
    if not value:
        return 0.0
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = outward(value * 10.0**digits) / 10.0**digits
    return float(round(rounded, max(digits, 0)))


def render_yaml(contract: Mapping[str, Any], *, source: str = "a table") -> str:
    """Write a contract as a ``validate`` section that is ready for a recipe, one column a line."""
    lines = [
        f"# What holds for {source} today, with room for tomorrow. Tighten what you know better.",
        "# Use it: save as conf/validate/NAME.yaml, then run: mlops run recipe=RECIPE validate=NAME",
        "_target_: mlops_polars.validate.Validate",
    ]
    for key, value in contract.items():
        if key == "columns":
            lines += ["columns:", *(f"  {_inline(name)}: {_inline(column)}" for name, column in value.items())]
        else:
            lines.append(f"{key}: {_inline(value)}")
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return str(text).removesuffix("\n...\n").rstrip("\n")
