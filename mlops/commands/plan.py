"""``mlops plan``: what a run would do, and exactly why."""

from __future__ import annotations

import json
import sys

from mlops.commands.arguments import parser, selection, with_overrides, with_selection
from mlops.plan.view import render
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Plan a recipe and print the plan; nothing is run."""
    made = parser("plan", "Show what a run would do: each stage, run or reuse, and why.")
    given = with_selection(with_overrides(made)).parse_args(argv)
    work = Workspace.here()
    plan = work.plan(work.recipe(given.overrides), selection(given))
    for warning in plan.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    print(json.dumps(plan.to_json(), ensure_ascii=False) if given.json else render(plan))
    return 0
