"""Whether an effect that a finished stage had outside its outputs still stands."""

from __future__ import annotations

from mlops.errors import MlopsError
from mlops.plan.wiring import ports
from mlops.project import Project
from mlops.recipe.model import Section
from mlops.stage import Place
from mlops.store import Entry, Store

__all__ = ["fallen", "place_of"]


def place_of(project: Project, recipe: str, *, run: str = "") -> Place:
    """Say where a recipe works."""
    return Place(project.root, project.state, recipe, run)


def fallen(section: Section, entry: Entry, *, store: Store, place: Place) -> str:
    """Say why what a stage did no longer stands; empty when it does, or when there was nothing to stand."""
    formats = ports(type(section.stage)).outputs
    made = {ref.name: formats[ref.name](store.path(ref.digest)) for ref in entry.outputs}
    try:
        return section.stage.stands(made, place)
    except MlopsError as exc:
        return f"whether it still stands cannot be told: {exc.what}"
