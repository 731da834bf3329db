"""Runs of the past and of this moment: list, find, remove, and what artifacts they need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from mlops.durable import remove_tree, sync_folder, try_lock, writing
from mlops.errors import ProjectError
from mlops.run_reading import FACTS_FILE, LOCK_FILE, STATUSES, Run, read_run

__all__ = ["list_runs", "load_run", "referenced_digests", "remove_run"]

_LAST = "last"
_REMOVED = ".removed-"
"""A run on its way out; the next removal clears what a kill left of it."""


def list_runs(
    runs_dir: Path, *, recipe: str | None = None, status: str | None = None, limit: int | None = None
) -> list[Run]:
    """List runs, the newest first; those of one recipe or status where asked.

    Raises:
        ProjectError: there is no such status.
    """
    if status is not None and status not in STATUSES:
        raise ProjectError(f"there is no status {status!r}", fix=f"one of {', '.join(STATUSES)}")
    found: list[Run] = []
    for folder in _folders(runs_dir):
        if limit is not None and len(found) >= limit:
            break
        run = read_run(folder)
        if recipe in (None, run.recipe) and status in (None, run.status):
            found.append(run)
    return found


def load_run(runs_dir: Path, name: str) -> Run:
    """Read one run by its ID, an unambiguous beginning or end of it, or 'last'.

    Raises:
        ProjectError: no run, or more than one, is called that.
    """
    return read_run(_folder_of(runs_dir, name))


def remove_run(runs_dir: Path, name: str) -> str:
    """Remove a run's folder for good and say which it was; its artifacts stay until ``mlops gc``.

    Raises:
        ProjectError: there is no such run, or it is still running.
    """
    folder = _folder_of(runs_dir, name)
    lock = try_lock(folder / LOCK_FILE)
    if lock is None:
        raise ProjectError(f"run {folder.name} is still running", fix="stop it first (Ctrl-C where it runs)")
    with lock:
        gone = folder.with_name(f"{_REMOVED}{folder.name}")
        with writing(folder, "remove the run"):
            folder.rename(gone)
            sync_folder(runs_dir)
    for leftover in runs_dir.glob(f"{_REMOVED}*"):
        remove_tree(leftover)
    return folder.name


def referenced_digests(runs: Iterable[Run]) -> set[str]:
    """Collect the digests of all artifacts that runs made, reused, or (unfinished) set out to reuse."""
    return {
        output["digest"]
        for run in runs
        for step in (*run.steps, *run.planned)
        for output in (step.get("outputs") or {}).values()
        if output.get("digest")
    }


def _folders(runs_dir: Path) -> list[Path]:
    """List the folders of runs, the newest first; one just made, without any file yet, is left out."""
    try:
        found = [path for path in runs_dir.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
    return sorted((path for path in found if _is_run(path)), key=lambda path: path.name, reverse=True)


def _is_run(folder: Path) -> bool:
    return (folder / FACTS_FILE).is_file() or (folder / LOCK_FILE).is_file()


def _folder_of(runs_dir: Path, name: str) -> Path:
    folders = _folders(runs_dir)
    if not folders:
        raise ProjectError("there are no runs yet", where=str(runs_dir), fix="mlops run recipe=NAME makes one")
    if name == _LAST:
        return folders[0]
    exact = [folder for folder in folders if folder.name == name]
    near = [folder for folder in folders if name and (folder.name.startswith(name) or folder.name.endswith(name))]
    matches = exact or near
    if len(matches) == 1:
        return matches[0]
    raise _no_such_run(name, matches=matches, known=folders)


def _no_such_run(name: str, *, matches: Sequence[Path], known: Sequence[Path]) -> ProjectError:
    if matches:
        listed = ", ".join(folder.name for folder in matches[:3])
        return ProjectError(f"{len(matches)} runs are called {name!r}: {listed} …", fix="give more of the ID")
    near = get_close_matches(name, [folder.name for folder in known], n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"mlops runs lists them; 'last' is {known[0].name}"
    return ProjectError(f"there is no run {name!r}", fix=fix)
