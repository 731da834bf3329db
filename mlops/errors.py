"""Every error that a person can meet, and the fault list of a recipe.

MlopsError
├── RecipeError          exit 2   mistakes in a recipe, all at once
├── ProjectError         exit 2   the project or a named thing in it is not there
│   └── MissingExtra              a library that a stage needs is not installed
├── StageError           exit 1   a stage could not do its work
│   ├── ContractBroken            data broke a rule of severity fail
│   ├── LeakFound                 parts of a split share what they must not
│   └── ParityBroken              the bundle disagrees with the native model
└── StoreError           exit 1   artifacts could not be read or written
    ├── ArtifactDamaged
    └── StoreUnwritable
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "ArtifactDamaged",
    "ContractBroken",
    "Fault",
    "LeakFound",
    "MissingExtra",
    "MlopsError",
    "ParityBroken",
    "ProjectError",
    "RecipeError",
    "StageError",
    "StoreError",
    "StoreUnwritable",
]


@dataclass(frozen=True)
class Fault:
    """One mistake in a recipe: which key, where it was written, what is wrong, how to mend it."""

    key: str
    where: str
    message: str
    fix: str = ""
    also: tuple[str, ...] = ()
    """Other places that had a say in the key's value, first to last."""

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.key}: {self.message}" if self.key else f"{self.where}: {self.message}"]
        if self.fix:
            lines.append(f"    fix: {self.fix}")
        lines.extend(f"    also set at {place}" for place in self.also)
        return "\n".join(lines)


class MlopsError(Exception):
    """What went wrong, where, and how to mend it."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class RecipeError(MlopsError):
    """A recipe with one or more faults; nothing was run."""

    exit_code = 2

    def __init__(self, recipe: str, faults: Iterable[Fault]) -> None:
        self.recipe = recipe
        self.faults = tuple(faults)
        count = len(self.faults)
        where = f" in recipe {recipe}" if recipe else ""
        super().__init__(f"{count} {'mistake' if count == 1 else 'mistakes'}{where}")

    def __str__(self) -> str:
        return "\n".join([f"{self.what}:", *(f"  {line}" for fault in self.faults for line in str(fault).splitlines())])


class ProjectError(MlopsError):
    """The project, or something that was asked for by name, is not there or not usable."""

    exit_code = 2


class MissingExtra(ProjectError):
    """A library that a part needs is not installed."""

    def __init__(self, library: str, *, extra: str) -> None:
        self.library = library
        self.extra = extra
        wanted = f"'mlops[{extra}]'" if extra else library.replace(",", "")
        super().__init__(f"the library {library!r} is not installed", fix=f"pip install {wanted}")


class StageError(MlopsError):
    """A stage could not do its work with the data it was given."""


class ContractBroken(StageError):
    """Data broke one or more rules whose severity is fail."""


class LeakFound(StageError):
    """The parts of a split share rows, groups or times that they must not share."""


class ParityBroken(StageError):
    """The bundle's predictions differ from the native model's beyond the tolerance."""


class StoreError(MlopsError):
    """An artifact or the stage index could not be read or written."""


class ArtifactDamaged(StoreError):
    """An artifact's files are missing or are not those of its manifest."""


class StoreUnwritable(StoreError):
    """The store's folder cannot be written: full, read-only or not permitted."""
