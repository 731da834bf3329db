"""Outlines of recipes: of this tree right here, of another tree in a process that takes its code from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops.checkout import Checkout
from mlops.errors import ProjectError, RecipeError
from mlops.fingerprint.values import flattened
from mlops.masking import Mask
from mlops.origin import key_path
from mlops.outline.model import Outline, StageOutline
from mlops.plan.ingredients import Measurer
from mlops.plan.wiring import ports, wire
from mlops.recipe.model import Recipe, Section
from mlops.stage import Stage
from mlops.workspace import Workspace

__all__ = ["outline_at", "outline_of"]

_PATIENCE_S = 300


def outline_of(work: Workspace, recipe: Recipe, *, lenient: bool = False) -> Outline:
    """Outline a recipe.

    Args:
        work: the project.
        recipe: composed in it.
        lenient: leave out data that is missing instead of refusing.

    Raises:
        RecipeError: its inputs do not fit, or data is missing.
    """
    wiring = wire(recipe)
    measurer = Measurer(work.project, recipe)
    stages = []
    for section in recipe.sections:
        inputs = {link.name: f"{link.stage}.{link.output}" for link in wiring.links.get(section.name, ())}
        stages.append(_stage(section, measurer, inputs=inputs))
    measurer.save()
    faults = [*wiring.faults, *(() if lenient else measurer.faults)]
    if faults:
        raise RecipeError(recipe.name, faults)
    values = Mask(recipe.secrets).deep(dict(recipe.values))
    leaves = [name for name, _ in flattened(values) if name]
    places = {name: str(recipe.origins.place(key_path(name))) for name in leaves}
    missing = tuple(f"{fault.key}: {fault.message}" for fault in measurer.faults)
    return Outline(recipe.name, values, places, tuple(stages), missing)


def _stage(section: Section, measurer: Measurer, *, inputs: dict[str, str]) -> StageOutline:
    kind = type(section.stage)
    return StageOutline(
        name=section.name,
        ingredients=measurer.measure(section),
        inputs=inputs,
        outputs={name: format_.format for name, format_ in ports(kind).outputs.items()},
        effect=kind.stands is not Stage.stands,
        volatile=section.stage.volatile(),
    )


def outline_at(tree: Checkout, overrides: Sequence[str], *, state: Path, behind: Path) -> Outline:
    """Outline a recipe as another commit has it.

    Args:
        tree: the commit's files.
        overrides: recipe=NAME and the rest.
        state: folder for what is written.
        behind: root of the project that holds data which git does not.

    Raises:
        ProjectError: the commit has no such recipe, or one with mistakes.
    """
    request = {"root": str(tree.root), "state": str(state), "behind": str(behind), "overrides": list(overrides)}
    done = subprocess.run(
        [sys.executable, "-m", "mlops.outline"],
        input=json.dumps(request),
        cwd=tree.root,
        env={**os.environ, **tree.variables},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    answer = _answer(done.stdout)
    if done.returncode or "error" in answer:
        what = answer.get("error") or (done.stderr.strip().splitlines() or ["it ended early"])[-1]
        raise ProjectError(f"at {tree.commit[:12]} the recipe cannot be read: {what}", where=" ".join(overrides))
    return Outline.from_json(answer)


def _answer(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
