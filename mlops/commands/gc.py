"""``mlops gc``: free what no run refers to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mlops.commands.arguments import parser
from mlops.record import list_runs, referenced_digests
from mlops.services.pins import pins
from mlops.store.clearing import Garbage
from mlops.text import size
from mlops.workspace import Workspace

__all__ = ["main"]

_DESCRIPTION = (
    "Free artifacts that no run, registered model or deployment refers to, checkpoints of 14 days ago, and searches "
    "of 30 days ago whose recipe or runs are gone. Says what it would free; frees it with --yes."
)


def main(argv: list[str]) -> int:
    """Say what would be freed; free it with ``--yes``."""
    made = parser("gc", _DESCRIPTION)
    made.add_argument("--yes", action="store_true", help="free it")
    given = made.parse_args(argv)
    work = Workspace.here()
    roots = referenced_digests(list_runs(work.project.state / "runs"))
    kept = pins(work.project.state)
    needed = roots.union(*kept.values())
    garbage = work.store.collect(needed, dry_run=not given.yes, searches=lambda: _searches(work))
    if given.json:
        pinned = {owner: list(digests) for owner, digests in kept.items()}
        print(json.dumps({**garbage.to_json(), "freed": given.yes, "pinned": pinned}))
        return 0
    _say(garbage, freed=given.yes, pinned=bool(kept))
    print("".join(_kept_for(kept, roots)), end="")
    return 0


def _searches(work: Workspace) -> list[Path]:
    if not (work.project.state / "searches").is_dir():
        return []
    from mlops.searching.forgetting import forgotten_searches

    return forgotten_searches(work.project.state, list_runs(work.project.state / "runs"), work.catalog.recipes())


def _say(garbage: Garbage, *, freed: bool, pinned: bool) -> None:
    for piece in garbage.pieces:
        print(f"{piece.kind}  {size(piece.size)}  {piece.name}")
    print(f"{len(garbage.pieces)} pieces, {size(garbage.size)} {'freed' if freed else 'to free'}")
    if garbage.pieces and not freed:
        print("nothing was removed; to remove it: mlops gc --yes")
    elif not garbage.pieces:
        owners = "a run, a model or a deployment" if pinned else "a run"
        print(f"every artifact belongs to {owners}; to let go of one: mlops runs rm ID")


def _kept_for(kept: Mapping[str, tuple[str, ...]], roots: set[str]) -> list[str]:
    """Say who keeps artifacts beside the runs."""
    lines = []
    for owner, digests in kept.items():
        alone = len(set(digests) - roots)
        no_run = f", {alone} of them of no run that is left" if alone else ""
        lines.append(f"kept for {owner}: {len(digests)} {'artifact' if len(digests) == 1 else 'artifacts'}{no_run}\n")
    return lines
