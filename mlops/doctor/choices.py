"""What a recipe, or else every choice of a config group, says of a service."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.catalog import Catalog
from mlops.masking import named_in, reveal
from mlops.project import Project
from mlops.workspace import Workspace

__all__ = ["Choice", "Choices"]


@dataclass(frozen=True)
class Choice:
    """One section, as it was written."""

    where: str
    """The recipe, or the file of the choice."""

    values: Mapping[str, Any]

    @property
    def missing(self) -> list[str]:
        """Environment variables that it refers to and that are not set."""
        return sorted(name for name in named_in([str(self.values)]) if name not in os.environ)

    def value(self, key: str) -> Any:
        """Give a key's value, references to the environment replaced by what they stand for."""
        return reveal(self.values.get(key), dict(os.environ))


@dataclass(frozen=True)
class Choices:
    """Where the sections are looked for."""

    project: Project
    overrides: Sequence[str] = ()
    """A recipe and changes to it; every choice of a group counts when there is none."""

    def of(self, group: str) -> Iterator[Choice]:
        """Give the sections of a group that could come to use; what is no section is left to ``mlops check``."""
        if self.overrides:
            recipe = Workspace(self.project).recipe(self.overrides)
            section = recipe.values.get(group)
            if isinstance(section, Mapping):
                yield Choice(f"recipe {recipe.name}", section)
            return
        catalog = Catalog(self.project)
        for name in catalog.options(group):
            file = catalog.load(f"{group}/{name}")
            values = file.root.data() if file is not None and not file.faults else None
            if file is not None and isinstance(values, Mapping):
                yield Choice(file.name, values)
