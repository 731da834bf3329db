"""A search as people read it before it runs: what is searched, how long, and what all trials share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mlops.masking import Mask
from mlops.plan import Plan, Selection
from mlops.recipe import Recipe
from mlops.searching.hunt import Hunt
from mlops.searching.journal import Found
from mlops.text import duration, table
from mlops.workspace import Workspace

__all__ = ["Outlook", "look_ahead", "plan_text"]


@dataclass(frozen=True)
class Outlook:
    """A search that is not finished, ready to be shown."""

    hunt: Hunt
    found: Found

    def __str__(self) -> str:
        return Mask(self.hunt.recipe.secrets)(plan_text(self.hunt, self.found))

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        return _json_of(self.hunt, self.found)


def look_ahead(work: Workspace, recipe: Recipe, selection: Selection) -> tuple[Plan | None, Outlook | None]:
    """Plan a recipe that asks for a search: with what it found, or with what is still to be searched.

    Returns:
        The plan, and the search that comes before it; (None, None) when the search has no say in it.
    """
    if recipe.search is None or not (hunt := Hunt(work, recipe, recipe.search)).concerns(selection):
        return None, None
    found = hunt.journal.read()
    if hunt.is_finished(found):
        return work.plan(hunt.winner(found), selection), None
    return _waiting(work.plan(recipe, selection), hunt), Outlook(hunt, found)


def _waiting(plan: Plan, hunt: Hunt) -> Plan:
    """Say of every step that depends on a searched value that it cannot be known yet."""
    reason = ("its values are still to be searched",)
    steps = [
        replace(step, action="run", reasons=reason, entry=None) if step.name in hunt.scope.below else step
        for step in plan.steps
    ]
    return replace(plan, steps=tuple(steps))


def plan_text(hunt: Hunt, found: Found) -> str:
    """Draw what is searched."""
    searcher = hunt.searcher
    left = max(0, hunt.trials - len(found.trials))
    head = f"search: {left} of {hunt.trials} trials to run, judged after {searcher.until}"
    head += (
        f" by {searcher.metric}, {'large' if searcher.mode == 'max' else 'small'} is good" if searcher.metric else ""
    )
    head += f", {searcher.concurrency} at a time" if searcher.concurrency > 1 else ""
    head += f", at most {duration(searcher.budget)}" if searcher.budget else ""
    drawn = table(
        ("searched", "how", "values", "when"),
        [
            (
                parameter.key,
                str(parameter.range.model_dump()["search"]),
                parameter.range.words(),
                f"{parameter.when[0]} is {parameter.when[1]}" if parameter.when else "",
            )
            for parameter in hunt.search.space
        ],
    )
    scope = hunt.scope
    shared = f"shared by all trials: {', '.join(scope.shared) or 'nothing'}"
    return f"{head}\n\n{drawn}\n\n{shared}\neach trial runs: {', '.join(scope.tried)}"


def _json_of(hunt: Hunt, found: Found) -> dict[str, Any]:
    """Give the same in machine-readable form."""
    searcher = hunt.searcher
    return {
        "key": hunt.key,
        "trials": hunt.trials,
        "done": len(found.trials),
        "budget": searcher.budget,
        "space": [parameter.to_json() for parameter in hunt.search.space],
        "shared": list(hunt.scope.shared),
        "tried": list(hunt.scope.tried),
    }
