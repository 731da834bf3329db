"""The parts of a recipe that close the loop: its monitor, registry, deployment and policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops.errors import ProjectError
from mlops.plan.standing import place_of
from mlops.recipe import Recipe
from mlops.services.monitor import Monitor
from mlops.services.policy import Policy
from mlops.services.registry import Registry
from mlops.services.target import Strategy, Target
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["Loop"]


@dataclass(frozen=True)
class Loop:
    """A recipe with what is around its stages."""

    work: Workspace
    recipe: Recipe

    @property
    def place(self) -> Place:
        """Where the recipe works."""
        return place_of(self.work.project, self.recipe.name)

    @property
    def monitor(self) -> Monitor:
        """What watches; ProjectError when the recipe has none."""
        found = self.recipe.services.get("monitor")
        if not isinstance(found, Monitor):
            raise self._lacking("monitor")
        return found

    @property
    def registry(self) -> Registry:
        """What keeps versions; ProjectError when the recipe has none."""
        found = self.recipe.services.get("registry")
        if not isinstance(found, Registry):
            raise self._lacking("registry")
        return found

    @property
    def policy(self) -> Policy:
        """What decides on retraining; ProjectError when the recipe has none."""
        found = self.recipe.services.get("retrain")
        if not isinstance(found, Policy):
            raise self._lacking("retrain")
        return found

    @property
    def has_policy(self) -> bool:
        """Whether the recipe says when to train again."""
        return isinstance(self.recipe.services.get("retrain"), Policy)

    @property
    def deployment(self) -> str:
        """Name of the deployment; ProjectError when the recipe deploys nothing."""
        return self._deploying()[0]

    @property
    def target(self) -> Target:
        """Where the recipe deploys to; ProjectError when it deploys nothing."""
        return self._deploying()[1]

    def _deploying(self) -> tuple[str, Target]:
        for section in self.recipe.sections:
            target = getattr(section.stage, "target", None)
            if isinstance(target, Target):
                return getattr(section.stage, "name", None) or self.model, target
        raise ProjectError(
            f"the recipe {self.recipe.name} deploys nothing",
            fix="add '- deploy: local' to its defaults and deploy to its stages, or watch files: input=…",
        )

    @property
    def promotes(self) -> bool:
        """Whether the recipe deploys, and what leads its deployment becomes champion."""
        stages = [section.stage for section in self.recipe.sections]
        return any(isinstance(getattr(s, "target", None), Target) and getattr(s, "promotes", False) for s in stages)

    @property
    def model(self) -> str:
        """Name under which the recipe registers its model."""
        register = self.recipe.values.get("register")
        return str((register.get("model") if isinstance(register, Mapping) else None) or self.recipe.name)

    @property
    def strategy(self) -> Strategy | None:
        """How the recipe rolls a version out."""
        found = (getattr(section.stage, "strategy", None) for section in self.recipe.sections)
        return next((item for item in found if isinstance(item, Strategy)), None)

    def _lacking(self, name: str) -> ProjectError:
        return ProjectError(
            f"the recipe {self.recipe.name} has no {name}", fix=f"add '- {name}: CHOICE' to its defaults: mlops ls"
        )
