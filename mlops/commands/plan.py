"""``mlops plan``: what a run would do, and exactly why."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from mlops.commands.arguments import parser, selection, with_overrides, with_selection
from mlops.plan import Plan, Selection
from mlops.plan.view import render
from mlops.recipe import Recipe
from mlops.workspace import Workspace

if TYPE_CHECKING:
    from mlops.searching import Outlook

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Plan a recipe and print the plan; nothing is run."""
    made = parser("plan", "Show what a run would do: each stage, run or reuse, and why.")
    given = with_selection(with_overrides(made)).parse_args(argv)
    work = Workspace.here()
    recipe = work.recipe(given.overrides)
    plan, search = _searched(work, recipe, selection(given)) if recipe.search else (None, None)
    plan = plan or work.plan(recipe, selection(given))
    for warning in plan.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    if given.json:
        print(json.dumps(plan.to_json() | ({"search": search.to_json()} if search else {}), ensure_ascii=False))
    else:
        print(f"{search}\n\n{render(plan)}" if search else render(plan))
    return 0


def _searched(work: Workspace, recipe: Recipe, chosen: Selection) -> tuple[Plan | None, Outlook | None]:
    from mlops.searching import look_ahead

    return look_ahead(work, recipe, chosen)
