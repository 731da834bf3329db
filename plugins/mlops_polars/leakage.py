"""Leakage between the parts of a split: equal rows, shared groups, times out of order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Roles

if TYPE_CHECKING:
    from mlops_polars.split import Split

__all__ = ["Leak", "found_leaks"]

Parts = Mapping[PartName, pl.DataFrame]
_PART = "__part__"
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


def found_leaks(split: Split, parts: Parts, *, roles: Roles) -> list[Leak]:
    """Run every check that applies and is not off."""
    leaks = [*_duplicates(split, parts, roles), *_groups(split, parts, roles), *_times(split, parts, roles)]
    return [leak for leak in leaks if leak.severity != "off"]


def _duplicates(split: Split, parts: Parts, roles: Roles) -> Iterator[Leak]:
    """Count the rows that occur in an earlier part, too; a hash picks candidates, equality decides."""
    columns = [name for name in parts["train"].columns if name not in roles.id]
    if split.leaks.duplicates == "off" or not columns:
        return
    frames = (parts[name].select(columns).with_columns(pl.lit(code).alias(_PART)) for code, name in enumerate(PARTS))
    rows = pl.concat(frames)
    rows = rows.with_columns(rows.select(columns).hash_rows(seed=0).alias(_HASH))
    shared = rows.group_by(_HASH).agg(pl.col(_PART).n_unique()).filter(pl.col(_PART) > 1)
    candidates = rows.join(shared.select(_HASH), on=_HASH, how="semi")
    twins = candidates.filter(pl.col(_PART) > pl.col(_PART).min().over(columns))
    counts = {name: twins.filter(pl.col(_PART) == code).height for code, name in enumerate(PARTS) if code}
    told = " and ".join(f"{count:,} of {parts[name].height:,} {name} rows" for name, count in counts.items())
    yield Leak(
        "duplicates",
        split.leaks.duplicates,
        twins.height,
        f"{told} have an equal in an earlier part",
        fix="drop duplicates where the data is made, or name row ids in `id`, or split by group",
    )


def _groups(split: Split, parts: Parts, roles: Roles) -> Iterator[Leak]:
    """Count the groups that lie in more than one part."""
    column = split.group or roles.group
    if column is None:
        return
    values = pl.concat(part.select(pl.col(column).unique()) for part in parts.values())
    shared = values.drop_nulls().filter(pl.col(column).is_duplicated()).unique().sort(column)[column].to_list()
    seen = f", such as {', '.join(map(repr, shared[:5]))}" if shared else ""
    yield Leak(
        "group",
        split.leaks.group,
        len(shared),
        f"{len(shared):,} values of {column!r} lie in more than one part{seen}",
        fix="use method group",
    )


def _times(split: Split, parts: Parts, roles: Roles) -> Iterator[Leak]:
    """Count the rows of a part that are as late as the next part's first."""
    column = split.time or roles.time
    if column is None or split.method != "time":
        return
    late = 0
    for earlier, later in itertools.pairwise(PARTS):
        first = parts[later][column].min()
        late += parts[earlier].filter(pl.col(column) >= first).height
    yield Leak(
        "time",
        split.leaks.time,
        late,
        f"{late:,} rows are as late as the next part's first",
        fix="choose other moments",
    )
