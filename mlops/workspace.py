"""One project opened for work: its files, trusted packages and store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlops.catalog import Catalog
from mlops.errors import Fault, RecipeError
from mlops.plan import Plan, Selection, inspect, make_plan
from mlops.plugins import Plugins
from mlops.project import Project
from mlops.recipe import Recipe, Verdict, appraise, prepare
from mlops.store import Store

__all__ = ["Workspace"]


@dataclass(frozen=True)
class Workspace:
    """What the verbs work with."""

    project: Project

    @classmethod
    def here(cls) -> Workspace:
        """Open the project of the current folder."""
        return cls(Project.here())

    @cached_property
    def catalog(self) -> Catalog:
        """Config files."""
        return Catalog(self.project)

    @cached_property
    def plugins(self) -> Plugins:
        """Trusted packages."""
        return Plugins(self.project.plugins)

    @cached_property
    def store(self) -> Store:
        """Artifacts and the stage index."""
        return Store(self.project.state / "store")

    def recipe(self, overrides: Sequence[str], found: Mapping[str, Any] | None = None) -> Recipe:
        """Compose and validate a recipe, with what a search found in it; RecipeError lists every mistake."""
        return self._accepted(appraise(self.catalog, self.plugins, overrides, found))

    def recipes(self, overrides: Sequence[str]) -> Callable[[Mapping[str, Any]], Recipe]:
        """Compose a recipe once, to be made with one set of found values after another; see `recipe`."""
        judged = prepare(self.catalog, self.plugins, overrides)
        return lambda found: self._accepted(judged(found))

    def _accepted(self, verdict: Verdict) -> Recipe:
        if verdict.recipe is None:
            raise RecipeError(verdict.name, self._faults(verdict))
        return verdict.recipe

    def check(self, overrides: Sequence[str]) -> tuple[str, list[Fault]]:
        """Find every mistake of a recipe: its name, and the faults."""
        verdict = appraise(self.catalog, self.plugins, overrides)
        return verdict.name, self._faults(verdict)

    def _faults(self, verdict: Verdict) -> list[Fault]:
        """Add what only planning can see, of a recipe with mistakes as far as it is right."""
        looked_at = verdict.recipe or verdict.partial
        further = inspect(self.project, looked_at) if looked_at is not None else []
        return verdict.masked([*verdict.faults, *further])

    def plan(self, recipe: Recipe, selection: Selection | None = None) -> Plan:
        """Plan a recipe."""
        return make_plan(self.project, recipe, self.store, selection)
