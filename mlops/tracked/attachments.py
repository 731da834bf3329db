"""Files that a tracker shows with a run that has ended."""

from __future__ import annotations

from pathlib import Path

from mlops.project import Project
from mlops.run_reading import Run
from mlops.store import Store

__all__ = ["attachments"]

_OWN = ("report.html", "recipe.yaml", "log.txt")
_OF_FORMATS = {"evaluation": ("evaluation.json", "report.html"), "bundle": ("signature.json", "lineage.json")}
"""Format of an artifact → its files that are worth a look."""

_LARGEST = 8 << 20
"""Bytes; larger files stay where they are."""


def attachments(project: Project, run: Run, *, bundle: bool) -> dict[str, Path]:
    """Find what there is to show: name → file or folder.

    Args:
        project: whose store holds the artifacts.
        run: one that has ended.
        bundle: whether whole bundles are shown, of any size.
    """
    found = {name: run.folder / name for name in _OWN}
    store = Store(project.state / "store")
    for step in run.steps:
        for output in (step.get("outputs") or {}).values():
            folder = store.path(output["digest"])
            if bundle and output["format"] == "bundle" and folder.is_dir():
                found[f"{step['stage']}/bundle"] = folder
            names = _OF_FORMATS.get(output["format"], ())
            found |= {f"{step['stage']}/{name}": folder / name for name in names}
    return {name: path for name, path in found.items() if path.is_dir() or _is_small(path)}


def _is_small(path: Path) -> bool:
    try:
        return 0 < path.stat().st_size <= _LARGEST
    except OSError:
        return False
