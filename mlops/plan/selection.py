"""Which stages a selection asks for, and which of them may run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.catalog import near
from mlops.errors import ProjectError
from mlops.plan.model import Selection
from mlops.plan.wiring import Wiring

__all__ = ["Scope", "scope_of"]


@dataclass(frozen=True)
class Scope:
    """The stages a plan holds, and those among them that may run."""

    shown: tuple[str, ...]
    may_run: frozenset[str]


def scope_of(selection: Selection, names: Sequence[str], wiring: Wiring) -> Scope:
    """Apply ``--from``, ``--to`` and ``--only``.

    Raises:
        ProjectError: a named stage is not in the recipe, or --from comes after --to.
    """
    for name in filter(None, (selection.start, selection.end, *selection.only, *selection.force)):
        if name not in names:
            raise ProjectError(f"the recipe has no stage {name!r}", fix=near(name, list(names), what="its stages are"))
    first = names.index(selection.start) if selection.start else 0
    last = names.index(selection.end) if selection.end else len(names) - 1
    if first > last:
        raise ProjectError(f"--from {selection.start} comes after --to {selection.end}", fix="swap them")
    chosen = [name for name in names[first : last + 1] if not selection.only or name in selection.only]
    may_run = frozenset(chosen)
    needed = wiring.ancestors(*chosen)
    return Scope(tuple(name for name in names if name in may_run or name in needed), may_run)
