"""Find the project: its root, its folders, the packaged ones behind them, and the files a recipe names."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

__all__ = ["Project", "find_root"]

_MARKS = ("recipes", ".mlops", "conf")


def find_root(start: Path | None = None) -> Path:
    """Find the nearest folder upward that holds recipes/, .mlops/ or conf/; else the folder itself."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if any((folder / mark).is_dir() for mark in _MARKS) and folder not in (Path.home(), Path(folder.anchor)):
            return folder
    return here


def _share() -> Path:
    """Folder of the packaged conf/ and recipes/: inside the wheel, or the checkout itself."""
    package = Path(__file__).resolve().parent
    return package / "share" if (package / "share").is_dir() else package.parent


@dataclass(frozen=True)
class Project:
    """The folders of one project; the project's own come before the packaged ones."""

    root: Path

    @classmethod
    def here(cls, start: Path | None = None) -> Project:
        """Find the project of a folder (default: the current one)."""
        return cls(find_root(start))

    @cached_property
    def share(self) -> Path:
        """Folder that holds the packaged conf/ and recipes/."""
        return _share()

    @cached_property
    def bases(self) -> tuple[Path, ...]:
        """Folders searched for conf/, recipes/ and data files, first match wins."""
        return (self.root,) if self.share == self.root else (self.root, self.share)

    @property
    def plugins(self) -> Path:
        """Folder of the project's own plugins."""
        return self.root / "plugins"

    @property
    def state(self) -> Path:
        """Folder of everything that mlops writes."""
        return self.root / ".mlops"

    def show(self, path: Path) -> str:
        """Name a file as people should read it: relative to the project, or 'mlops:' for a packaged one."""
        if path.is_relative_to(self.root):
            return str(path.relative_to(self.root))
        return f"mlops:{path.relative_to(self.share)}" if path.is_relative_to(self.share) else str(path)

    def find(self, source: str) -> list[str]:
        """Name the files that a source stands for: a URL as it is, a path or glob in each base in turn.

        Returns:
            Absolute paths (sorted) or the URL; empty when there is no such file.
        """
        if "://" in source:
            return [source]
        path = Path(source).expanduser() if source.startswith("~") else source
        for base in self.bases:
            full = os.path.normpath(base / path)
            if os.path.exists(full):  # noqa: PTH110 - false, not an error, for what is no path at all
                return [full]
            if found := sorted(glob.glob(full, recursive=True)):  # noqa: PTH207 - the pattern is absolute
                return found
        return []
