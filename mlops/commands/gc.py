"""``mlops gc``: free what no run refers to."""

from __future__ import annotations

import json

from mlops.commands.arguments import parser
from mlops.record import list_runs, referenced_digests
from mlops.services.pins import pinned
from mlops.text import size
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Say what would be freed; free it with ``--yes``."""
    made = parser("gc", "Free artifacts that no run refers to. Says what it would free; frees it with --yes.")
    made.add_argument("--yes", action="store_true", help="free it")
    given = made.parse_args(argv)
    work = Workspace.here()
    roots = referenced_digests(list_runs(work.project.state / "runs"))
    roots |= set(pinned(work.project.state))
    garbage = work.store.collect(roots, dry_run=not given.yes)
    if given.json:
        print(json.dumps({**garbage.to_json(), "freed": given.yes}))
        return 0
    for piece in garbage.pieces:
        print(f"{piece.kind}  {size(piece.size)}  {piece.name}")
    verb = "freed" if given.yes else "to free"
    print(f"{len(garbage.pieces)} pieces, {size(garbage.size)} {verb}")
    if garbage.pieces and not given.yes:
        print("nothing was removed; to remove it: mlops gc --yes")
    elif not garbage.pieces:
        print("every artifact belongs to a run; to let go of one: mlops runs rm ID")
    return 0
