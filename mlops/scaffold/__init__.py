"""A user's project from templates: conf/, recipes/, plugins/, data/ and a README."""

from __future__ import annotations

from pathlib import Path

from mlops.durable import write_atomic
from mlops.errors import ProjectError

__all__ = ["RECIPE", "make_project"]

RECIPE = "parcels"
"""The recipe that a new project starts with."""

_SUFFIX = ".template"
"""Ends the names of templates that tools would otherwise take for files of this package."""


def make_project(folder: Path) -> list[str]:
    """Write the templates into a new folder, or beside what an existing one holds.

    Returns:
        The files written, by their names in the project.

    Raises:
        ProjectError: a file is already there, or the folder is a file; nothing was written.
    """
    if folder.exists() and not folder.is_dir():
        raise ProjectError(f"{folder} is a file", fix="name a folder")
    files = _files()
    taken = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if taken:
        raise ProjectError(
            f"{folder} already holds {', '.join(taken)}", fix="name another folder, or move these files away"
        )
    for name, source in files.items():
        write_atomic(folder / name, source.read_bytes())
    return list(files)


def _files() -> dict[str, Path]:
    """Name in the project → template."""
    root = Path(__file__).parent / "templates"
    paths = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {_name(path.relative_to(root)): path for path in paths}


def _name(path: Path) -> str:
    name = path.as_posix().removesuffix(_SUFFIX)
    return ".gitignore" if name == "gitignore" else name
