"""Whether an effect that a finished stage had outside its outputs still stands."""

from __future__ import annotations

from mlops.errors import MlopsError
from mlops.formats.artifact import Artifact
from mlops.plan.wiring import ports
from mlops.project import Project
from mlops.recipe.model import Section
from mlops.stage import Place, Traces
from mlops.store import Entry, Store

__all__ = ["fallen", "place_of", "traced"]


def place_of(project: Project, recipe: str, *, run: str = "") -> Place:
    """Say where a recipe works."""
    return Place(project.root, project.state, recipe, run)


def fallen(section: Section, entry: Entry, *, store: Store, place: Place) -> str:
    """Say why what a stage did no longer stands; empty when it does, or when there was nothing to stand."""
    try:
        return section.stage.stands(_made(section, entry, store), place)
    except MlopsError as exc:
        return f"whether it still stands cannot be told: {exc.what}"


def traced(section: Section, entry: Entry, *, store: Store, place: Place) -> Traces | None:
    """Name what shows that it still stands; None when files do not tell."""
    try:
        return section.stage.traces(_made(section, entry, store), place)
    except MlopsError:
        return None


def _made(section: Section, entry: Entry, store: Store) -> dict[str, Artifact]:
    formats = ports(type(section.stage)).outputs
    return {ref.name: formats[ref.name](store.path(ref.digest)) for ref in entry.outputs}
