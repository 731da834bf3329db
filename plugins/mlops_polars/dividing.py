"""Dividing a table: choose a part for each row, prove that the parts share nothing, write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from mlops.errors import LeakFound, StageError
from mlops.formats.splits import PARTS, PartName, Splits
from mlops.formats.table import Table
from mlops.stage import Context
from mlops_polars.dealing import LEFT_OUT, Dealt, dealt
from mlops_polars.leakage import Leak, found_leaks

if TYPE_CHECKING:
    from mlops_polars.split import Split

__all__ = ["divide"]

_PART = "__part__"


def divide(split: Split, table: Table, *, context: Context) -> Splits:
    """Carry out a ``split`` section.

    Raises:
        LeakFound: the parts share what the section forbids.
        StageError: the rows cannot be divided as asked.
    """
    frame = table.read()
    dealing = dealt(split, frame, roles=table.roles, seed=context.seed)
    parts = _parts(frame, dealing)
    leaks = found_leaks(split, parts, roles=table.roles)
    _tell(leaks, context=context)
    return Splits.create(context.output("splits"), parts, roles=table.roles, checks=_checks(dealing, leaks))


def _parts(frame: pl.DataFrame, dealing: Dealt) -> dict[PartName, pl.DataFrame]:
    """Take each part's rows, in the table's order."""
    marked = frame.with_columns(pl.Series(_PART, dealing.parts))
    parts = {name: marked.filter(pl.col(_PART) == code).drop(_PART) for code, name in enumerate(PARTS)}
    for name, part in parts.items():
        if not part.height:
            sizes = ", ".join(f"{other} {rows.height:,}" for other, rows in parts.items())
            raise StageError(f"the {name} part has no rows ({sizes}){dealing.span}", fix=dealing.fix)
    return parts


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
