"""What the data of both trees holds, as their runs summed it up: rows, schema, columns that moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.pull_report.model import DataChange
from mlops.pull_report.results import documents
from mlops.run_reading import Run
from mlops.store import Store

__all__ = ["tables_changed"]

_MOVED = 0.1
"""Share of its standard deviation by which a column's mean must move to be told."""

_MORE_NULLS = 0.01
"""Share of the rows by which missing values must change to be told."""


def tables_changed(base: Run | None, head: Run | None, store: Store) -> tuple[DataChange, ...]:
    """Compare what stages made of outside data."""
    if base is None or head is None:
        return ()
    old, new = (dict(_held(run, store)) for run in (base, head))
    return tuple(DataChange(name, what) for name in new if name in old for what in _change(old[name], new[name]))


def _held(run: Run, store: Store) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give stage → rows and columns (name → facts) for stages that read outside data; snapshots tell most."""
    for step, facts in documents(run, store, "table", "table.json"):
        if (step.get("ingredients") or {}).get("sources"):
            columns = {name: {"type": kind} for name, kind in dict(facts["columns"]).items()}
            yield str(step["stage"]), {"rows": facts["rows"], "columns": columns}
    for step, facts in documents(run, store, "snapshot", "snapshot.json"):
        columns = {column["name"]: column for column in facts["columns"]}
        yield str(step["stage"]), {"rows": facts["rows"], "columns": columns}


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old["rows"] != new["rows"]:
        yield f"{old['rows']:,} → {new['rows']:,} rows ({new['rows'] - old['rows']:+,})"
    for name in sorted({*old["columns"], *new["columns"]}):
        was, now = old["columns"].get(name), new["columns"].get(name)
        if was is None or now is None or was["type"] != now["type"]:
            yield f"column {name}: {_kind(was)} → {_kind(now)}"
        else:
            yield from (f"column {name}: {what}" for what in _moved(was, now, rows=(old["rows"], new["rows"])))


def _kind(column: Mapping[str, Any] | None) -> str:
    return "none" if column is None else str(column["type"])


def _moved(was: Mapping[str, Any], now: Mapping[str, Any], *, rows: tuple[int, int]) -> Iterator[str]:
    missing = [column.get("nulls", 0) / max(count, 1) for column, count in zip((was, now), rows, strict=True)]
    if abs(missing[1] - missing[0]) >= _MORE_NULLS:
        yield f"{missing[0]:.1%} → {missing[1]:.1%} missing"
    before, after, spread = was.get("mean"), now.get("mean"), was.get("std")
    if before is not None and after is not None and spread is not None and before != after:
        by = abs(after - before) / spread if spread else float("inf")
        if by >= _MOVED:
            told = f"{by:.2g} standard deviations" if spread else "it was constant"
            yield f"mean {before:.4g} → {after:.4g} ({told})"
