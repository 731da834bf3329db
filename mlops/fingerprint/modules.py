"""Where modules lie, found on disk without importing anything."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Found", "Modules"]


@dataclass(frozen=True)
class Found:
    """A module or package on disk."""

    name: str
    file: Path | None
    """Its source; None for a package without ``__init__.py``."""

    folders: tuple[Path, ...] = ()
    """Where its submodules lie; empty for a plain module."""

    origin: Path = Path()
    """Folder that shown paths are relative to."""

    def show(self, path: Path) -> str:
        """Name a file of the package as people should read it."""
        depth = self.name.count(".")
        bases = (self.origin, *(folder.parents[depth] for folder in self.folders))
        base = next((base for base in bases if path.is_relative_to(base)), path.parent)
        return path.relative_to(base).as_posix()


class Modules:
    """Modules of the given roots (a project's ``plugins/``) and, behind them, of ``sys.path``.

    One object is one look at the disk: what it found once it does not look for again.
    """

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self.roots = tuple(root.absolute() for root in roots)
        self.local = frozenset(name for root in self.roots for name in _importable(root))
        """Top-level names that the roots hold."""

        self._found: dict[str, Found | None] = {}

    def find(self, name: str) -> Found | None:
        """Locate a module by its dotted name; None when there is no Python source of that name."""
        if name not in self._found:
            parent_name, _, last = name.rpartition(".")
            self._found[name] = self._submodule(parent_name, last) if parent_name else self._top(name)
        return self._found[name]

    def below(self, found: Found) -> Iterator[str]:
        """Name every module of a package, at any depth, and the package itself."""
        yield found.name
        for folder in found.folders:
            for last in _importable(folder):
                if inner := self.find(f"{found.name}.{last}"):
                    yield from self.below(inner)

    def _top(self, name: str) -> Found | None:
        if name in self.local:
            homes = [root for root in self.roots if name in _importable(root)]
            return _looked_up(name, homes, homes[0].parent)
        return _looked_up(name, [Path(entry).absolute() for entry in sys.path]) or _from_finders(name)

    def _submodule(self, parent_name: str, last: str) -> Found | None:
        parent = self.find(parent_name)
        if parent is None or not last.isidentifier():
            return None
        return _looked_up(f"{parent_name}.{last}", parent.folders, parent.origin)


def _looked_up(name: str, homes: Iterable[Path], origin: Path | None = None) -> Found | None:
    """Look in each home in turn as the import system does: a package, a module, else the parts of a namespace."""
    last = name.rpartition(".")[2]
    parts = []
    for home in homes:
        package, module = home / last, home / f"{last}.py"
        if (package / "__init__.py").is_file():
            return Found(name, package / "__init__.py", (package,), origin or home)
        if module.is_file():
            return Found(name, module, (), origin or home)
        if package.is_dir():
            parts.append(package)
    return Found(name, None, tuple(parts), origin or parts[0].parent) if parts else None


def _from_finders(name: str) -> Found | None:
    """Ask the import system for a top-level name: an editable install may have a finder of its own."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    folders = tuple(Path(folder) for folder in (spec and spec.submodule_search_locations) or ())
    file = Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
    place = folders[0] if folders else file
    return Found(name, file, folders, place.parent) if place else None


def _importable(folder: Path) -> list[str]:
    """List the module names that a folder holds, sorted."""
    try:
        names = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    except OSError:
        return []
    return sorted(name for name in names if name.isidentifier() and name not in {"__init__", "__pycache__"})
