"""Another commit's files in a folder of their own, and a project that works there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlops.durable import remove_tree
from mlops.errors import ProjectError
from mlops.project import Project

__all__ = ["Borrowed", "Checkout", "checked_out", "commit_of", "git", "top_of"]

_PATIENCE_S = 120
_STEADY = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
"""No daemon is left behind, and no hook of the repository is run."""

_REPOSITORY = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})
"""Variables that a hook leaves behind and that would make git look elsewhere."""


@dataclass(frozen=True)
class Borrowed(Project):
    """A project whose files lie in one folder, what it writes in another, and data that git lacks in a third."""

    kept: Path = Path()
    """Folder of everything that is written."""

    behind: Path | None = None
    """Root of the project whose data files are read where this one has none."""

    @property
    def state(self) -> Path:
        """Folder of everything that mlops writes."""
        return self.kept

    def find(self, source: str) -> list[str]:
        """Name the files that a source stands for; those of the project behind come last."""
        found = super().find(source)
        return found if found or self.behind is None else Project(self.behind).find(source)


@dataclass(frozen=True)
class Checkout:
    """The files of one commit."""

    commit: str
    root: Path
    """The project's root among them."""

    variables: Mapping[str, str]
    """Environment in which Python takes mlops from these files, when the repository holds it."""


def git(folder: Path, *words: str) -> str:
    """Ask git; give what it says without its last line end.

    Raises:
        ProjectError: git is not installed, or refuses.
    """
    quiet = {key: value for key, value in os.environ.items() if key not in _REPOSITORY}
    quiet |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - words are ours, or were resolved to a commit before
            ["git", *_STEADY, *words],  # noqa: S607 - the one that the person uses
            cwd=folder,
            env=quiet,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except FileNotFoundError as exc:
        raise ProjectError("git is not installed", fix="install git") from exc
    except subprocess.TimeoutExpired as exc:
        raise ProjectError(f"git {words[0]} took longer than {_PATIENCE_S} s", where=str(folder)) from exc
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ProjectError(f"git {words[0]} failed: {said[-1] if said else done.returncode}", where=str(folder))
    return done.stdout.removesuffix("\n")


def top_of(folder: Path) -> Path:
    """Find the repository that a folder lies in.

    Raises:
        ProjectError: it lies in none.
    """
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel"))
    except ProjectError as exc:
        raise ProjectError(
            "the project is in no git repository", where=str(folder), fix="git init, and commit the project"
        ) from exc


def commit_of(folder: Path, ref: str) -> str:
    """Resolve a branch, tag or commit to the commit it names.

    Raises:
        ProjectError: there is no such commit here.
    """
    top_of(folder)
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except ProjectError as exc:
        raise ProjectError(
            f"git knows no commit {ref!r}",
            where=str(folder),
            fix="git fetch --unshallow origin brings all history, git branch -a lists the names",
        ) from exc


@contextmanager
def checked_out(root: Path, ref: str, folder: Path) -> Iterator[Checkout]:
    """Lay a commit's files out for the length of the block.

    Args:
        root: the project's root, inside a repository.
        ref: branch, tag or commit.
        folder: a new folder to lay them out in; its parent exists.

    Raises:
        ProjectError: there is no repository, no such commit, or no such project in it.
    """
    top, commit = top_of(root), commit_of(root, ref)
    git(top, "worktree", "prune")
    try:
        git(top, "worktree", "add", "--detach", "--quiet", str(folder), commit)
        inside = folder / root.resolve().relative_to(top.resolve())
        if not inside.is_dir():
            raise ProjectError(f"commit {commit[:12]} has no folder {inside.relative_to(folder)}", where=str(top))
        yield Checkout(commit, inside, _variables(top, folder))
    finally:
        with suppress(ProjectError):
            git(top, "worktree", "remove", "--force", "--force", str(folder))
        remove_tree(folder)
        with suppress(ProjectError):
            git(top, "worktree", "prune")


def _variables(top: Path, folder: Path) -> dict[str, str]:
    """Let Python find mlops in the checkout where it is part of the repository, and where it is now otherwise."""
    package = Path(__file__).resolve().parent
    inside = package.is_relative_to(top.resolve())
    homes = [folder / package.parent.relative_to(top.resolve())] if inside else []
    paths = [str(path) for home in homes for path in (home, home / "plugins")]
    return {"PYTHONPATH": os.pathsep.join([*paths, *(path for path in sys.path if path)])}
