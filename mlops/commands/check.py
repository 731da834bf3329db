"""``mlops check``: every mistake of a recipe at once."""

from __future__ import annotations

import json
import sys

from mlops.commands.arguments import parser, with_overrides
from mlops.errors import RecipeError
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Check a recipe; exit code 2 when it has mistakes."""
    given = with_overrides(parser("check", "List every mistake of a recipe, each with its place and fix.")).parse_args(
        argv
    )
    name, faults = Workspace.here().check(given.overrides)
    if given.json:
        errors = [
            {"key": f.key, "where": f.where, "message": f.message, "fix": f.fix, "also": list(f.also)} for f in faults
        ]
        print(json.dumps({"ok": not faults, "errors": errors}, ensure_ascii=False))
    elif not faults:
        print(f"recipe {name}: no mistakes")
    for fault in () if given.json else faults:
        sys.stderr.write(f"{fault}\n")
    if faults and not given.json:
        sys.stderr.write(f"{RecipeError(name, faults).what}\n")
    return 2 if faults else 0
