"""One side of a comparison: a run, a file, or a path at a revision → its snapshot."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops.durable import make_folder
from mlops.errors import ProjectError
from mlops.formats.snapshot import Snapshot
from mlops.project import Project
from mlops.run_history import load_run
from mlops.run_reading import Run
from mlops.stage import Context
from mlops.store import Store
from mlops.versioned.sources import Sources

__all__ = ["side"]

_READER = "mlops_polars.data"


@contextmanager
def side(name: str, project: Project, store: Store) -> Iterator[tuple[str, Snapshot]]:
    """Find what a person means: PATH, PATH@REV, or RUN or RUN:SECTION.

    Yields:
        The name in full, and the snapshot, which is there as long as the block lasts.

    Raises:
        ProjectError: there is no such run, file or revision.
        StageError: the file cannot be read as a table.
    """
    path, _, rev = name.partition("@")
    if Sources(project).find(name):
        path, rev = name, ""
    elif not rev:
        yield _of_run(name, project, store)
        return
    make_folder(project.state / "cache")
    with tempfile.TemporaryDirectory(dir=project.state / "cache", prefix="diff-") as folder:
        yield name, _of_file(path, rev, project, Path(folder))


def _of_file(path: str, rev: str, project: Project, folder: Path) -> Snapshot:
    """Read a file just as a ``data`` section with nothing but its path would."""
    reader = importlib.import_module(_READER)
    keys = {"path": path, "rev": rev or None}
    try:
        stage = reader.Data.model_validate(keys)
    except ValueError as exc:
        raise ProjectError(f"{path!r} cannot be read as a table: {exc}", where=path) from exc
    made: Snapshot = stage.run(context=Context(folder, find=Sources(project).find)).snapshot
    return made


def _of_run(name: str, project: Project, store: Store) -> tuple[str, Snapshot]:
    wanted, _, section = name.partition(":")
    try:
        run = load_run(project.state / "runs", wanted)
    except ProjectError as exc:
        raise ProjectError(
            f"{name!r} is no file and no run",
            where=str(project.root),
            fix=f"write PATH, PATH@REV, or a run's ID; {exc.fix}",
        ) from exc
    label, digest = _pinned(run, section)
    try:
        store.check(digest)
    except Exception as exc:
        raise ProjectError(f"the snapshot of {label} is no longer whole", fix=f"mlops data log; {exc}") from exc
    return label, Snapshot(store.path(digest))


def _pinned(run: Run, section: str) -> tuple[str, str]:
    """Choose one of the snapshots of a run: label and digest."""
    found = {
        str(step.get("stage")): str(out["digest"])
        for step in run.steps
        for out in (step.get("outputs") or {}).values()
        if out.get("format") == "snapshot"
    }
    if not found:
        raise ProjectError(f"run {run.id} read no data", fix="mlops data log lists those that did")
    name = section or next(iter(found))
    if name not in found:
        raise ProjectError(f"run {run.id} has no section {name!r} that read data", fix=f"one of {', '.join(found)}")
    return f"{run.id}:{name}", found[name]
