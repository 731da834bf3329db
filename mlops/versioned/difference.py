"""What differs between two snapshots: rows, columns, types, and how each column's values are spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops.formats.snapshot import QUANTILES, ColumnSummary, Snapshot
from mlops.versioned.distance import Distance, distance

__all__ = ["SHOWN_SHARES", "Change", "Difference", "compare"]

SHOWN_SHARES = (5, 50, 95)
"""Hundredths at which two distributions are shown side by side."""


@dataclass(frozen=True)
class Change:
    """One column that both tables have."""

    old: ColumnSummary
    new: ColumnSummary
    rows: tuple[int, int]
    distance: Distance | None

    @property
    def verdict(self) -> str:
        """Same, small, moderate or large; retyped when the values cannot be compared."""
        if self.distance is None:
            return "retyped" if self.old.kind != self.new.kind else "same"
        return self.distance.verdict

    @property
    def missing(self) -> tuple[float, float]:
        """Share of rows without a value, in both."""
        return tuple(  # type: ignore[return-value]  # two of two
            column.nulls / rows if rows else 0.0 for column, rows in zip((self.old, self.new), self.rows, strict=True)
        )

    @property
    def came(self) -> tuple[tuple[str, float], ...]:
        """Values that only the new table has, with their shares, the most frequent first."""
        return _only(self.new, self.old, self.rows[1])

    @property
    def went(self) -> tuple[tuple[str, float], ...]:
        """Values that only the old table has, with their shares, the most frequent first."""
        return _only(self.old, self.new, self.rows[0])

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        return {
            "name": self.old.name,
            "kind": self.new.kind,
            "verdict": self.verdict,
            "type": [self.old.type, self.new.type],
            "missing": list(self.missing),
            "distinct": [self.old.distinct, self.new.distinct],
            "mean": [self.old.mean, self.new.mean],
            "std": [self.old.std, self.new.std],
            "quantiles": {str(share): [at(self.old, share), at(self.new, share)] for share in (0, *SHOWN_SHARES, 100)},
            "psi": self.distance and self.distance.psi,
            "psi_by_chance": self.distance and self.distance.by_chance,
            "variation": self.distance and self.distance.variation,
            "came": [list(pair) for pair in self.came],
            "went": [list(pair) for pair in self.went],
        }


@dataclass(frozen=True)
class Difference:
    """Two tables side by side."""

    rows: tuple[int, int]
    digests: tuple[str, str]
    came: tuple[ColumnSummary, ...]
    """Columns that only the new table has."""

    went: tuple[ColumnSummary, ...]
    """Columns that only the old table has."""

    changes: tuple[Change, ...]
    """Columns of both, in the new table's order."""

    @property
    def is_same(self) -> bool:
        """Whether the two hold the same rows in the same order."""
        return self.digests[0] == self.digests[1]

    @property
    def retyped(self) -> tuple[Change, ...]:
        """Columns whose type differs."""
        return tuple(change for change in self.changes if change.old.type != change.new.type)

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        return {
            "same": self.is_same,
            "digests": list(self.digests),
            "rows": list(self.rows),
            "came": [{"name": column.name, "type": column.type} for column in self.came],
            "went": [{"name": column.name, "type": column.type} for column in self.went],
            "retyped": [{"name": c.old.name, "type": [c.old.type, c.new.type]} for c in self.retyped],
            "columns": [change.to_json() for change in self.changes],
        }


def compare(old: Snapshot, new: Snapshot) -> Difference:
    """Lay two snapshots side by side."""
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    rows = (old.rows, new.rows)
    return Difference(
        rows=rows,
        digests=(old.digest, new.digest),
        came=tuple(column for name, column in after.items() if name not in before),
        went=tuple(column for name, column in before.items() if name not in after),
        changes=tuple(
            Change(before[name], column, rows, distance(before[name], column, rows=rows))
            for name, column in after.items()
            if name in before
        ),
    )


def at(column: ColumnSummary, share: int) -> float | None:
    """Read one quantile, given in hundredths."""
    return column.quantiles[share * QUANTILES // 100] if column.quantiles else None


def _only(there: ColumnSummary, elsewhere: ColumnSummary, rows: int) -> tuple[tuple[str, float], ...]:
    """List values that one side lists and the other surely has not."""
    if there.kind != "text" or not elsewhere.is_counts_all:
        return ()
    known = dict(elsewhere.counts)
    return tuple((name, count / rows) for name, count in there.counts if name not in known)
