"""A plan as people read it."""

from __future__ import annotations

from mlops.masking import Mask
from mlops.plan.model import Plan, Step
from mlops.text import duration, table

__all__ = ["render"]

_SHOWN_REASONS = 4


def render(plan: Plan) -> str:
    """Draw the table of a plan, with a closing line that counts."""
    mask = Mask(plan.recipe.secrets)
    rows = [row for step in plan.steps for row in _rows(step)]
    drawn = table(("stage", "action", "last took", "made by", "why"), rows)
    drawn += _choices(plan) + _found(plan)
    counts = plan.counts
    closing = f"{counts['run']} to run, {counts['reuse']} to reuse"
    return mask(f"{drawn}\n\n{closing}")


def _choices(plan: Plan) -> str:
    """What steps that run left open, as chosen for this machine, and why."""
    rows = [
        (f"{step.name}.{item.key}", item.value, item.reason)
        for step in plan.steps
        if step.action == "run"
        for item in step.choices
    ]
    return "\n\n" + table(("left open", "chosen", "why"), rows) if rows else ""


def _found(plan: Plan) -> str:
    """What a search put into the recipe."""
    rows = [(key, str(value), "the search") for key, value in plan.recipe.found.items()]
    return "\n\n" + table(("searched", "found", "by"), rows) if rows else ""


def _rows(step: Step) -> list[tuple[str, str, str, str, str]]:
    made_by = step.entry.run if step.entry else "–"
    reasons = list(step.reasons[:_SHOWN_REASONS])
    if len(step.reasons) > _SHOWN_REASONS:
        reasons.append(f"and {len(step.reasons) - _SHOWN_REASONS} more reasons (--json shows all)")
    first = (step.name, step.action, duration(step.last_seconds), made_by, reasons[0] if reasons else "")
    return [first, *(("", "", "", "", reason) for reason in reasons[1:])]
