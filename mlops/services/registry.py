"""What a model registry is: numbered versions of models, and aliases that point at them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mlops.errors import ProjectError
from mlops.services.integrity import require_whole
from mlops.stage import Part, Place, Traces

__all__ = ["CHALLENGER", "CHAMPION", "ModelVersion", "NewVersion", "Registry"]

CHAMPION = "champion"
"""Alias of the version that serves, and that others must beat."""

CHALLENGER = "challenger"
"""Alias of the version that passed its gates and is being tried."""


@dataclass(frozen=True)
class NewVersion:
    """A model that is to be registered."""

    model: str
    digest: str
    """Digest of the bundle's artifact."""

    folder: Path
    """Where the bundle lies: inside the project's store."""

    run: str = ""
    recipe: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else is known, such as the digest of the data and the verdict of the gates."""


@dataclass(frozen=True)
class ModelVersion:
    """A registered version of a model."""

    model: str
    version: int
    """From 1, in order of registration."""

    digest: str
    folder: Path
    created: str
    """ISO time in UTC."""

    run: str = ""
    recipe: str = ""
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        plain = {**vars(self), "folder": str(self.folder), "aliases": list(self.aliases)}
        return {**plain, "metrics": dict(self.metrics), "facts": dict(self.facts)}


class Registry(Part, ABC):
    """Keeps versions of models. Safe for several processes at once; what returned is durable.

    The class is light: it loads its library when a method that writes, or lists, is called. Only
    `holder` must stay light too, because planning calls it.
    """

    @abstractmethod
    def register(self, new: NewVersion, place: Place) -> ModelVersion:
        """Make a version of a bundle; one that is registered already under this model is given again.

        Raises:
            ProjectError: the registry cannot be reached, or refuses.
        """

    @abstractmethod
    def models(self, place: Place) -> tuple[str, ...]:
        """Name all models."""

    @abstractmethod
    def versions(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        """List the versions of a model, the oldest first; none for a model that is not there."""

    @abstractmethod
    def point(self, model: str, alias: str, *, version: int | None, place: Place) -> None:
        """Let an alias point at a version, or at none.

        Raises:
            ProjectError: there is no such version.
        """

    @abstractmethod
    def holder(self, model: str, alias: str, place: Place) -> ModelVersion | None:
        """Give the version an alias points at, as this project knows it; None when it points at none. Light."""

    def known(self, model: str, place: Place) -> tuple[ModelVersion, ...] | None:  # noqa: ARG002 - for those that know
        """List versions as this project last saw them; None when it keeps no such list. Light, as `holder`."""
        return None

    def bundle(self, version: ModelVersion, place: Place) -> Path:  # noqa: ARG002 - for those that fetch
        """Give the folder of a version's bundle on this machine, fetched where needed, proved by its digest.

        Raises:
            ArtifactDamaged: it is not there, or not what was registered.
        """
        return require_whole(version.folder, version.digest)

    def traces(self, model: str, place: Place) -> Traces | None:  # noqa: ARG002 - for registries with a file that tells
        """Name files that are touched whenever `holder` or `known` may answer otherwise; None when there are none."""
        return None

    def find(self, model: str, wanted: str, place: Place) -> ModelVersion:
        """Find a version by its number, an alias, or the word latest.

        Raises:
            ProjectError: there is no such model or version; what there is is listed.
        """
        there = self.versions(model, place)
        if not there:
            raise ProjectError(f"there is no model {model!r}", fix=_nearest(model, self.models(place)))
        fitting = [item for item in there if wanted in (str(item.version), *item.aliases)]
        if not fitting and wanted != "latest":
            raise ProjectError(f"the model {model!r} has no version {wanted!r}", fix=_choices(wanted, there))
        return fitting[-1] if fitting else there[-1]


def _nearest(model: str, models: tuple[str, ...]) -> str:
    if not models:
        return "no model is registered yet: run a recipe with a register stage, mlops run recipe=…"
    near = get_close_matches(model, models, n=1, cutoff=0.5)
    return (f"did you mean {near[0]!r}? " if near else "") + f"models are {', '.join(models)}"


def _choices(wanted: str, there: tuple[ModelVersion, ...]) -> str:
    words = [CHAMPION, CHALLENGER, "latest"]
    near = [word for word in get_close_matches(wanted, words, n=1, cutoff=0.6) if word != wanted]
    names = ", ".join(" = ".join([str(item.version), *item.aliases]) for item in there)
    return (f"did you mean {near[0]!r}? " if near else "") + f"versions are {names}, latest"
