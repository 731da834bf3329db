"""What workflows are made for: recipe, branch, Python, how to install, where a run stops on a pull request."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from mlops.errors import ProjectError
from mlops.plan.wiring import ports
from mlops.project import Project
from mlops.recipe.model import Recipe
from mlops.workspace import Workspace

__all__ = ["Choices", "choose"]

_EFFECTS = frozenset({"registration", "deployment"})
"""Formats whose stages change what others use; a pull request stops before the first of them."""

_GATES = "verdict"
_SAMPLE = "data.limit=5000"
_PYTHON = "3.11"
_NAME = re.compile(r"[A-Za-z0-9_][\w./-]*", re.ASCII)
_VERSION = re.compile(r"3\.\d{1,2}")


@dataclass(frozen=True)
class Choices:
    """What is filled into the templates; every text was checked to be plain."""

    recipe: str
    branch: str = "main"
    python: str = _PYTHON
    install: str = "pip install mlops"
    locked: str = ""
    """File by which pip's downloads are cached; none are when empty."""

    sample: tuple[str, ...] = ()
    """Overrides of the smoke run."""

    smoke_end: str = ""
    """Last stage of the smoke run; empty when the recipe can be run to its end."""

    full_end: str = ""
    """Last stage of the run on a pull request."""

    runner: str = "ubuntu-latest"

    def __post_init__(self) -> None:
        """Refuse what could be read as anything but a name."""
        for what, text in (("recipe", self.recipe), ("branch", self.branch), ("runner", self.runner)):
            if not _NAME.fullmatch(text) or ".." in text:
                raise ProjectError(f"{text!r} is no plain name of a {what}", fix="letters, digits, . _ - and / only")
        if not _VERSION.fullmatch(self.python):
            raise ProjectError(f"{self.python!r} is no version of Python", fix=f"write --python {_PYTHON}")
        for text in (self.install, *self.sample):
            if "${{" in text or not text.isprintable():
                raise ProjectError(f"{text!r} cannot stand in a workflow", fix="write one plain line without ${{")

    @property
    def smoke(self) -> str:
        """Words of the smoke run after recipe=NAME."""
        return _words(*self.sample, *(("--to", self.smoke_end) if self.smoke_end else ()))

    @property
    def full(self) -> str:
        """Words of the run on all data after recipe=NAME."""
        return _words(*(("--to", self.full_end) if self.full_end else ()))


def _words(*words: str) -> str:
    return "".join(f" {shlex.quote(word)}" for word in words)


def choose(
    work: Workspace,
    *,
    recipe: str = "",
    branch: str = "",
    python: str = "",
    install: str = "",
    sample: Sequence[str] = (),
) -> Choices:
    """Fill in what a person left open from what the project holds.

    Raises:
        ProjectError: the recipe is not named and there is not just one, or a text is not plain.
        RecipeError: the recipe has mistakes.
    """
    name = recipe or _only_recipe(work.project)
    composed = work.recipe([f"recipe={name}", *sample])
    smoke_end, full_end = _ends(composed)
    how, locked = _install(work.project)
    default = () if sample or not _has_limit(composed) else (_SAMPLE,)
    return Choices(
        recipe=name,
        branch=branch or "main",
        python=python or _PYTHON,
        install=install or how,
        locked="" if install else locked,
        sample=tuple(sample) or default,
        smoke_end=smoke_end,
        full_end=full_end,
    )


def _only_recipe(project: Project) -> str:
    folder = project.root / "recipes"
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
    if len(names) != 1:
        listed = f"recipes are {', '.join(names)}" if names else "mlops ls recipes lists what there is"
        raise ProjectError("it is not clear which recipe the workflows are for", fix=f"add --recipe NAME; {listed}")
    return names[0]


def _ends(recipe: Recipe) -> tuple[str, str]:
    """Name the last stages before gates, and before anything that others would notice."""
    made = [
        (section.name, {kind.format for kind in ports(type(section.stage)).outputs.values()})
        for section in recipe.sections
    ]
    full = next((index for index, (_, formats) in enumerate(made) if formats & _EFFECTS), len(made))
    smoke = next((index for index, (_, formats) in enumerate(made) if _GATES in formats), full)
    return _end(made, min(smoke, full)), _end(made, full)


def _end(made: Sequence[tuple[str, set[str]]], count: int) -> str:
    return made[count - 1][0] if 0 < count < len(made) else ""


def _has_limit(recipe: Recipe) -> bool:
    data = recipe.values.get("data")
    return isinstance(data, dict) and "limit" in data


def _install(project: Project) -> tuple[str, str]:
    """Say how the project is installed, and which file tells when that changes."""
    if (project.root / "requirements.txt").is_file():
        return "pip install -r requirements.txt", "requirements.txt"
    if (project.root / "pyproject.toml").is_file():
        constraints = " -c constraints.txt" if (project.root / "constraints.txt").is_file() else ""
        return f"pip install -e '.[all]'{constraints}", "pyproject.toml"
    return "pip install 'mlops[all]'", ""
