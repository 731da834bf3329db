"""Two places in which tracked files are looked up alike: a commit, and the workspace."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.services.versions import Held
from mlops_dvc.git import Blob, Git
from mlops_dvc.pointers import LOCK, SUFFIX

__all__ = ["CommitTree", "Tree", "WorkTree"]

_SKIPPED = frozenset({".git", ".dvc", ".mlops", "node_modules", "__pycache__"})


class Tree(ABC):
    """Files by their names below the repository's root."""

    @abstractmethod
    def texts(self, names: Sequence[str]) -> dict[str, bytes]:
        """Read those of the named files that are there."""

    @abstractmethod
    def pointers(self, folder: str) -> list[str]:
        """Name every file of DVC's below a folder, at any depth."""

    @abstractmethod
    def files(self, folder: str) -> dict[str, Held]:
        """Give the files below a folder that the tree itself holds."""

    @abstractmethod
    def file(self, name: str) -> Held | None:
        """Give one file that the tree itself holds."""


@dataclass(frozen=True)
class CommitTree(Tree):
    """The files of a commit; plain ones are copied to a folder of blobs when they are asked for."""

    git: Git
    commit: str
    blobs: Path
    """Folder for the contents of plain files, by the names of their blobs."""

    def texts(self, names: Sequence[str]) -> dict[str, bytes]:
        """Read those of the named files that are there."""
        found = self.git.entries(self.commit, names)
        return {name: self.git.read(blob) for name, blob in found.items() if blob.kind == "blob"}

    def pointers(self, folder: str) -> list[str]:
        """Name every file of DVC's below a folder, at any depth."""
        return [blob.name for blob in self.git.below(self.commit, folder) if _is_pointer(blob.name)]

    def files(self, folder: str) -> dict[str, Held]:
        """Give the files below a folder that the tree itself holds."""
        return {blob.name: self._held(blob) for blob in self.git.below(self.commit, folder) if _is_plain(blob)}

    def file(self, name: str) -> Held | None:
        """Give one file that the tree itself holds."""
        blob = self.git.entries(self.commit, [name]).get(name)
        return self._held(blob) if blob and _is_plain(blob) else None

    def _held(self, blob: Blob) -> Held:
        return Held(self.blobs / blob.oid[:2] / blob.oid[2:], f"git:{blob.oid}")


@dataclass(frozen=True)
class WorkTree(Tree):
    """The workspace; its plain files need no version control to be read, so it holds none."""

    root: Path

    def texts(self, names: Sequence[str]) -> dict[str, bytes]:
        """Read those of the named files that are there."""
        return {name: (self.root / name).read_bytes() for name in names if (self.root / name).is_file()}

    def pointers(self, folder: str) -> list[str]:
        """Name every file of DVC's below a folder, at any depth."""
        found: list[str] = []
        for here, folders, names in os.walk(self.root / folder):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED)
            found += [(Path(here) / name).relative_to(self.root).as_posix() for name in names if _is_pointer(name)]
        return sorted(found)

    def files(self, folder: str) -> dict[str, Held]:
        """Give none."""
        del folder
        return {}

    def file(self, name: str) -> Held | None:
        """Give none."""
        del name
        return None


def _is_pointer(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base == LOCK or (base.endswith(SUFFIX) and base != SUFFIX)


def _is_plain(blob: Blob) -> bool:
    return blob.kind == "blob" and not blob.is_link and not _is_pointer(blob.name)
