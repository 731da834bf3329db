"""Leakage between the parts of a split: equal rows, shared groups, times out of order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from mlops.formats.splits import PARTS
from mlops_polars.dealt_rows import PART, DealtRows

if TYPE_CHECKING:
    from mlops_polars.split import Split

__all__ = ["Leak", "found_leaks"]

_HASH = "__hash__"


@dataclass(frozen=True)
class Leak:
    """What one check found."""

    name: Literal["duplicates", "group", "time"]
    severity: Literal["fail", "warn", "off"]
    found: int
    """How many rows or groups leak; none is good."""

    what: str
    fix: str = ""

    def sentence(self) -> str:
        """Say what leaks in one line."""
        return f"{self.name} ({self.severity}): {self.what}"

    def entry(self) -> dict[str, Any]:
        """Write the outcome as JSON values."""
        return {
            "name": self.name,
            "severity": self.severity,
            "passed": not self.found,
            "found": self.found,
            "what": self.what,
        }


def found_leaks(split: Split, rows: DealtRows) -> list[Leak]:
    """Run every check that applies and is not off."""
    leaks = [*_duplicates(split, rows), *_groups(split, rows), *_times(split, rows)]
    return [leak for leak in leaks if leak.severity != "off"]


def _duplicates(split: Split, rows: DealtRows) -> Iterator[Leak]:
    """Count the rows that occur in an earlier part, too; a hash picks candidates, equality decides."""
    columns = [name for name in rows.table.columns if name not in rows.table.roles.id]
    if split.leaks.duplicates == "off" or not columns:
        return
    candidates = _candidates(rows, columns)
    twins = candidates.filter(pl.col(PART) > pl.col(PART).min().over(columns))
    counts = {name: twins.filter(pl.col(PART) == code).height for code, name in enumerate(PARTS) if code}
    told = " and ".join(f"{count:,} of {rows.count(name):,} {name} rows" for name, count in counts.items())
    yield Leak(
        "duplicates",
        split.leaks.duplicates,
        twins.height,
        f"{told} have an equal in an earlier part",
        fix="drop duplicates where the data is made, or name row ids in `id`, or split by group",
    )


def _candidates(rows: DealtRows, columns: list[str]) -> pl.DataFrame:
    """Read the rows whose hash occurs in more than one part; the others are never in memory together."""
    hashes = pl.concat(piece.select(columns).hash_rows(seed=0) for piece in rows.pieces(columns))
    marked = pl.DataFrame({_HASH: hashes, PART: rows.parts}).filter(pl.col(PART) >= 0)
    shared = marked.group_by(_HASH).agg(pl.col(PART).n_unique()).filter(pl.col(PART) > 1)[_HASH]
    if shared.is_empty():
        return next(rows.pieces(columns)).clear()
    suspect = hashes.is_in(shared.implode())
    found, start = [], 0
    for piece in rows.pieces(columns):
        found.append(piece.filter(suspect.slice(start, piece.height) & (piece[PART] >= 0)))
        start += piece.height
    return pl.concat(found)


def _groups(split: Split, rows: DealtRows) -> Iterator[Leak]:
    """Count the groups that lie in more than one part."""
    column = split.group or rows.table.roles.group
    if column is None:
        return
    values = _column(rows, column).drop_nulls()
    parts = values.group_by(column).agg(pl.col(PART).n_unique())
    shared = parts.filter(pl.col(PART) > 1).sort(column)[column].to_list()
    seen = f", such as {', '.join(map(repr, shared[:5]))}" if shared else ""
    yield Leak(
        "group",
        split.leaks.group,
        len(shared),
        f"{len(shared):,} values of {column!r} lie in more than one part{seen}",
        fix="use method group",
    )


def _times(split: Split, rows: DealtRows) -> Iterator[Leak]:
    """Count the rows of a part that are as late as the next part's first."""
    column = split.time or rows.table.roles.time
    if column is None or split.method != "time":
        return
    times = _column(rows, column)
    late = 0
    for earlier in range(len(PARTS) - 1):
        first = times.filter(pl.col(PART) == earlier + 1)[column].min()
        late += times.filter((pl.col(PART) == earlier) & (pl.col(column) >= first)).height
    yield Leak(
        "time",
        split.leaks.time,
        late,
        f"{late:,} rows are as late as the next part's first",
        fix="choose other moments",
    )


def _column(rows: DealtRows, column: str) -> pl.DataFrame:
    """Read one column whole, beside the part of each row; rows left out are in no part."""
    values = rows.table.scan().select(column).collect()
    return values.with_columns(pl.Series(PART, rows.parts)).filter(pl.col(PART) >= 0)
