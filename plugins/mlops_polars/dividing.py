"""Dividing a table: choose a part for each row, prove that the parts share nothing, write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.errors import LeakFound, StageError
from mlops.formats.splits import PARTS, Splits
from mlops.formats.table import Table
from mlops.stage import Context
from mlops_polars.dealing import LEFT_OUT, Dealt, dealt
from mlops_polars.dealt_rows import DealtRows
from mlops_polars.leakage import Leak, found_leaks

if TYPE_CHECKING:
    from mlops_polars.split import Split

__all__ = ["divide"]


def divide(split: Split, table: Table, *, context: Context) -> Splits:
    """Carry out a ``split`` section.

    Raises:
        LeakFound: the parts share what the section forbids.
        StageError: the rows cannot be divided as asked.
    """
    dealing = dealt(split, table, seed=context.seed)
    rows = DealtRows(table, dealing.parts)
    _refuse_empty(rows, dealing)
    leaks = found_leaks(split, rows)
    _tell(leaks, context=context)
    parts = {name: rows.scan(name) for name in PARTS}
    return Splits.create(context.output("splits"), parts, roles=table.roles, checks=_checks(dealing, leaks))


def _refuse_empty(rows: DealtRows, dealing: Dealt) -> None:
    counts = {name: rows.count(name) for name in PARTS}
    empty = next((name for name, count in counts.items() if not count), None)
    if empty:
        sizes = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise StageError(f"the {empty} part has no rows ({sizes}){dealing.span}", fix=dealing.fix)


def _tell(leaks: list[Leak], *, context: Context) -> None:
    """Log what leaks, and refuse the split when it may not."""
    for leak in leaks:
        context.metric(f"leak_{leak.name}", leak.found)
    failing = [leak for leak in leaks if leak.found and leak.severity == "fail"]
    if failing:
        lines = "".join(f"\n  - {leak.sentence()}" for leak in failing)
        raise LeakFound(f"the parts share what they must not:{lines}", fix=failing[0].fix)
    for leak in leaks:
        if leak.found:
            context.log.warning("%s", leak.sentence())


def _checks(dealing: Dealt, leaks: list[Leak]) -> dict[str, Any]:
    left_out = int((dealing.parts == LEFT_OUT).sum())
    return {**dealing.facts, "left_out": left_out, "leaks": [leak.entry() for leak in leaks]}
