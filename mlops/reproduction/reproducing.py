"""The steps of a reproduction: read the run, look what changed, replay, compare."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from mlops.checkout import Borrowed, Checkout, checked_out
from mlops.durable import make_folder
from mlops.errors import ProjectError
from mlops.masking import Mask
from mlops.outline import outline_of
from mlops.project import Project
from mlops.reproduction.circumstances import changes_since, made, refuse_other_data
from mlops.reproduction.comparing import compare
from mlops.reproduction.model import Reproduction, Request, Setting
from mlops.reproduction.replaying import divided, recorded_recipe, replay
from mlops.reproduction.view import render_changes
from mlops.run_history import load_run
from mlops.run_reading import Run
from mlops.store import Store
from mlops.workspace import Workspace

__all__ = ["Trees", "reproduce", "reproduce_in"]


@dataclass(frozen=True)
class Trees:
    """Where a replay takes what it needs from."""

    origin: Project
    """The project that holds the run."""

    root: Path
    """Root of the files to replay with: the project's own, or those of a commit."""

    fresh: Path
    """An empty folder for all that the replay writes."""

    commit: str = ""


def reproduce(project: Project, request: Request, *, out: TextIO) -> Reproduction:
    """Carry a recorded run out again in a fresh store and compare what it makes.

    Args:
        project: the project that holds the run.
        request: which run, and how.
        out: where what changed, and progress, is shown.

    Raises:
        ProjectError: there is no such run, its data is not there any more, or ``strict`` refuses.
        RecipeError: its recipe no longer fits the stages as they are now.
    """
    run = load_run(project.state / "runs", request.run)
    if not made(run):
        fix = "choose a run that finished at least one stage: mlops runs"
        raise ProjectError(f"run {run.id} made nothing that could be compared", where=str(run.folder), fix=fix)
    store = Store(project.state / "store")
    store.sweep()
    with store.using(), store.workspace() as folder, _fresh(request, folder) as fresh:
        if not request.at_commit:
            return reproduce_in(Trees(project, project.root, fresh), run, request, out=out)
        with checked_out(project.root, _recorded_commit(run), folder / "tree") as tree:
            return _in_child(tree, Trees(project, tree.root, fresh, tree.commit), request, run=run, out=out)


def reproduce_in(trees: Trees, run: Run, request: Request, *, out: TextIO) -> Reproduction:
    """Replay a run with the code that this process imports."""
    project = Borrowed(trees.root, trees.fresh, trees.origin.root)
    _share_salt(trees.origin.state, trees.fresh)
    work = Workspace(project)
    recipe = recorded_recipe(work, run)
    outline = outline_of(work, recipe, lenient=True)
    stages, left = divided(outline, run)
    mask = Mask(recipe.secrets)
    changed = changes_since(run, replace(outline, stages=tuple(s for s in outline.stages if s.name in stages)), project)
    refuse_other_data(run, changed)
    _refuse_if_strict(request, run, changed)
    out.write(render_changes(run, changed, left, commit=trees.commit))
    if not stages:
        raise ProjectError(f"no stage of run {run.id} can be replayed", where="; ".join(item.why for item in left))
    done = replay(work, recipe, stages, out=out)
    compared = compare(run, done.report, original=Store(trees.origin.state / "store"), fresh=work.store)
    return Reproduction(
        run=run.id,
        commit=trees.commit,
        changed=changed,
        left=left,
        compared=tuple(replace(item, difference=mask(item.difference)) for item in compared),
        error=f"stage {done.report.failed} {done.report.status}: {done.report.error}" if done.report.failed else "",
        kept=str(request.keep or ""),
    )


def _refuse_if_strict(request: Request, run: Run, changed: tuple[Setting, ...]) -> None:
    found = [item for item in changed if item.kind in ("code", "library", "python")]
    if request.strict and found:
        raise ProjectError(
            f"--strict: {len(found)} {'thing is' if len(found) == 1 else 'things are'} not as in run {run.id}",
            where="; ".join(map(str, found)),
            fix="install those versions, add --at-commit for the code of that time, or leave out --strict",
        )


def _recorded_commit(run: Run) -> str:
    commit = (run.environment.get("git") or {}).get("commit")
    if not commit:
        raise ProjectError(
            f"run {run.id} was made outside of any git commit", where=str(run.folder), fix="leave out --at-commit"
        )
    return str(commit)


@contextmanager
def _fresh(request: Request, folder: Path) -> Iterator[Path]:
    """Give an empty folder for the replay's state: one that goes with the block, or the one to be kept."""
    if request.keep is None:
        yield folder / "state"
        return
    keep = request.keep.absolute()
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise ProjectError(f"{keep} is not an empty folder", fix="name a new folder after --keep")
    make_folder(keep)
    yield keep


def _share_salt(origin: Path, fresh: Path) -> None:
    """Take the project's salt along, so that values of environment variables have the digests they had."""
    make_folder(fresh)
    if (origin / "salt").is_file() and not (fresh / "salt").exists():
        shutil.copy2(origin / "salt", fresh / "salt")


def _in_child(tree: Checkout, trees: Trees, request: Request, *, run: Run, out: TextIO) -> Reproduction:
    """Replay in a process that imports its code from a commit's files."""
    asked: dict[str, Any] = {
        "root": str(tree.root),
        "origin": str(trees.origin.root),
        "fresh": str(trees.fresh),
        "commit": tree.commit,
        "run": run.id,
        "strict": request.strict,
        "parent": os.getpid(),
    }
    out.flush()
    child = subprocess.Popen(
        [sys.executable, "-m", "mlops.reproduction"],
        cwd=tree.root,
        env={**os.environ, **tree.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said, _ = child.communicate(json.dumps(asked))
    finally:
        child.kill()
        child.wait()
    return _answer(said, tree)


def _answer(said: str, tree: Checkout) -> Reproduction:
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError as exc:
        raise ProjectError(
            f"the files of commit {tree.commit[:12]} cannot replay runs",
            fix=f"git worktree add ../then {tree.commit[:12]}, and run the recipe there",
        ) from exc
    if "refused" in answer:
        refused = answer["refused"]
        raise ProjectError(refused["what"], where=refused["where"], fix=refused["fix"])
    return Reproduction.from_json(answer)
