"""A plan: steps in order, each with its key, run or reuse, and why. Frozen before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlops.fingerprint import Ingredients
from mlops.plan.wiring import Link
from mlops.recipe.model import Recipe, Section
from mlops.stage import Choice
from mlops.store import Entry

__all__ = ["Action", "Plan", "Selection", "Step"]

Action = Literal["run", "reuse"]


@dataclass(frozen=True)
class Selection:
    """Which part of a recipe a person asked for."""

    start: str | None = None
    """``--from``: this stage and those after it; what is above is only reused."""

    end: str | None = None
    """``--to``: nothing after this stage."""

    only: tuple[str, ...] = ()
    """``--only``: these stages; what they need is only reused."""

    force: tuple[str, ...] = ()
    """``--force``: these stages run even when they could be reused."""

    def words(self) -> tuple[str, ...]:
        """Write the selection as it is given on the command line."""
        found = [("--from", self.start), ("--to", self.end)]
        pairs = [(flag, name) for flag, name in found if name]
        pairs += [("--only", name) for name in self.only] + [("--force", name) for name in self.force]
        return tuple(f"{flag} {name}" for flag, name in pairs)


@dataclass(frozen=True)
class Step:
    """One stage of a plan."""

    section: Section
    links: tuple[Link, ...]
    action: Action
    reasons: tuple[str, ...]
    ingredients: Ingredients
    """Without the inputs that are not made yet."""

    entry: Entry | None = None
    """What is reused; None for a step that runs."""

    damaged: tuple[str, ...] = ()
    """Digests of artifacts found damaged, to be set aside before they are remade."""

    always: bool = False
    """Runs even when its key is known: forced, or what it reads cannot be fingerprinted."""

    last_seconds: float | None = None
    choices: tuple[Choice, ...] = ()
    """What the stage left open, as chosen for this machine."""

    @property
    def name(self) -> str:
        """The section's name."""
        return self.section.name

    @property
    def key(self) -> str | None:
        """The key, when it is known before running."""
        return self.entry.key if self.entry else None

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        return {
            "stage": self.name,
            "action": self.action,
            "reasons": list(self.reasons),
            "made_by": self.entry.run if self.entry else None,
            "key": self.key,
            "last_seconds": self.last_seconds,
            "inputs": {link.name: f"{link.stage}.{link.output}" for link in self.links},
            "choices": [{"key": item.key, "value": item.value, "reason": item.reason} for item in self.choices],
        }


@dataclass(frozen=True)
class Plan:
    """What a run of a recipe will do."""

    recipe: Recipe
    steps: tuple[Step, ...]
    selection: Selection = Selection()
    warnings: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many steps run and how many are reused."""
        return {action: sum(step.action == action for step in self.steps) for action in ("run", "reuse")}

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        return {"recipe": self.recipe.name, "steps": [step.to_json() for step in self.steps]}
