"""One project opened for work: its files, trusted packages and store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mlops.catalog import Catalog
from mlops.errors import Fault
from mlops.plan import Plan, Selection, inspect, make_plan
from mlops.plugins import Plugins
from mlops.project import Project
from mlops.recipe import Recipe, examine, load
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

    def recipe(self, overrides: Sequence[str]) -> Recipe:
        """Compose and validate a recipe; RecipeError lists every mistake."""
        return load(self.catalog, self.plugins, overrides)

    def check(self, overrides: Sequence[str]) -> tuple[str, list[Fault]]:
        """Find every mistake of a recipe: its name, and the faults."""
        recipe, faults, name = examine(self.catalog, self.plugins, overrides)
        return name, inspect(self.project, recipe) if recipe is not None else faults

    def plan(self, recipe: Recipe, selection: Selection | None = None) -> Plan:
        """Plan a recipe."""
        return make_plan(self.project, recipe, self.store, selection)
