"""Gathers what a report needs: both trees' outlines of each recipe, and the runs that stand for them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlops.checkout import Checkout, checked_out
from mlops.durable import make_folder
from mlops.errors import MlopsError, ProjectError
from mlops.masking import Mask
from mlops.outline import Outline, outline_at, outline_of
from mlops.pull_report.changing import keys_changed, sources_changed, stages_changed
from mlops.pull_report.held import tables_changed
from mlops.pull_report.model import PullReport, RecipeReport
from mlops.pull_report.results import gates_of, metrics_of, run_of
from mlops.run_history import list_runs
from mlops.workspace import Workspace

__all__ = ["gather"]

_MOST_RUNS = 200
"""Runs of a recipe, the newest first, among which one is looked for."""


def gather(work: Workspace, base: str, overrides: Sequence[str]) -> PullReport:
    """Compare this tree with another commit.

    Args:
        work: the project, whose files are this tree.
        base: branch, tag or commit to compare with.
        overrides: recipe=NAME and the rest; every recipe of the project when no recipe is named.

    Raises:
        ProjectError: there is no repository, or no such commit.
    """
    store = work.store
    with store.workspace() as folder, checked_out(work.project.root, base, folder / "tree") as tree:
        state = folder / "state"
        make_folder(state)
        if (work.project.state / "salt").is_file():
            shutil.copy2(work.project.state / "salt", state / "salt")
        asked = _asked(work, tree, overrides)
        recipes = tuple(_recipe(work, tree, words, state=state) for words in asked)
    return PullReport(base, tree.commit, recipes)


def _asked(work: Workspace, tree: Checkout, overrides: Sequence[str]) -> list[list[str]]:
    """Name the recipes to report on: the one that is given, or all that either tree holds of its own."""
    if any(word.startswith("recipe=") for word in overrides):
        return [list(overrides)]
    if overrides:
        raise ProjectError(f"{overrides[0]!r} belongs to no recipe", fix="add recipe=NAME")
    names = {name for root in (work.project.root, tree.root) for name in _own_recipes(root)}
    if not names:
        raise ProjectError("the project has no recipes", where=str(work.project.root), fix="add recipe=NAME")
    return [[f"recipe={name}"] for name in sorted(names)]


def _own_recipes(root: Path) -> list[str]:
    folder = root / "recipes"
    return [path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")]


def _recipe(work: Workspace, tree: Checkout, overrides: Sequence[str], *, state: Path) -> RecipeReport:
    name = next(word for word in overrides if word.startswith("recipe=")).removeprefix("recipe=")
    notes: list[str] = []
    base = _base(work, tree, overrides, state=state, notes=notes)
    try:
        recipe = work.recipe(overrides)
        head = outline_of(work, recipe, lenient=True)
    except MlopsError as exc:
        return RecipeReport(name, notes=tuple(notes), error=str(exc))
    notes += [f"data that is not here: {item}" for item in head.missing]
    mask = Mask(recipe.secrets)
    report = _compared(work, base, head, commit=tree.commit)
    return replace(report, notes=tuple(mask(note) for note in (*notes, *report.notes)))


def _base(
    work: Workspace, tree: Checkout, overrides: Sequence[str], *, state: Path, notes: list[str]
) -> Outline | None:
    try:
        return outline_at(tree, overrides, state=state, behind=work.project.root)
    except ProjectError as exc:
        notes.append(f"there is nothing to compare with: {exc.what}")
        return None


def _compared(work: Workspace, base: Outline | None, head: Outline, *, commit: str) -> RecipeReport:
    runs = list_runs(work.project.state / "runs", recipe=head.recipe, status="done", limit=_MOST_RUNS)
    old, exact = run_of(base, runs, commit=commit) if base else (None, False)
    new, _ = run_of(head, runs)
    notes = []
    if new is None:
        notes.append("no finished run of this tree is recorded here: mlops run makes one")
    if base is not None and old is None:
        notes.append("no finished run of the base is recorded here")
    elif old is not None and not exact:
        notes.append(f"run {old.id} of the base was made with other libraries or data")
    return RecipeReport(
        head.recipe,
        stages=stages_changed(base, head),
        gone=tuple(stage.name for stage in base.stages if head.stage(stage.name) is None) if base else (),
        keys=keys_changed(base, head),
        data=(*sources_changed(base, head), *tables_changed(old, new, work.store)),
        metrics=metrics_of(old, new, work.store),
        gates=gates_of(new, work.store),
        base_run=old.id if old else "",
        head_run=new.id if new else "",
        notes=tuple(notes),
    )
