"""Versions of data files: what a path held at a revision, and how files get under version control and to a remote."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from mlops.stage import Part, Place

__all__ = ["Held", "Transfer", "Version", "Versions", "at_revision", "revision_of"]

_SCHEME = "rev://"


def at_revision(path: str, rev: str | None) -> str:
    """Name a path at a revision as `Stage.sources` and `Context.find` take it; without one, the path itself."""
    return f"{_SCHEME}{quote(rev, safe='')}/{path}" if rev else path


def revision_of(source: str) -> tuple[str, str]:
    """Take apart what `at_revision` made: path and revision; the latter is empty for the workspace."""
    if not source.startswith(_SCHEME):
        return source, ""
    rev, _, path = source.removeprefix(_SCHEME).partition("/")
    return path, unquote(rev)


@dataclass(frozen=True)
class Held:
    """One file of a version."""

    path: Path
    """Where its bytes lie on this machine, or would lie once they are pulled."""

    digest: str = ""
    """What its content is known by: md5:HEX, sha256:HEX, git:HEX (a blob), or nothing that could be checked."""

    @property
    def is_here(self) -> bool:
        """Whether the bytes are on this machine."""
        return self.path.is_file()


@dataclass(frozen=True)
class Version:
    """What a path held at a revision, or what the workspace says that it should hold."""

    path: str
    """As asked for; may be a glob."""

    rev: str = ""
    """As asked for; empty for the workspace."""

    commit: str = ""
    """Full name of the commit that the revision means; empty for the workspace."""

    content: str = ""
    """What the whole content is known by, such as md5:HEX or md5:HEX.dir; empty when it has no single name."""

    files: Mapping[str, Held] = field(default_factory=dict)
    """Name of each file below the repository (no ``..``) → where it is."""

    names: tuple[str, ...] = ()
    """The files or the one folder (of ``files``) that the path stands for, in order."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of files whose bytes are not on this machine."""
        return tuple(name for name, held in self.files.items() if not held.is_here)

    def to_json(self) -> dict[str, Any]:
        """Give what a record keeps of it."""
        return {"rev": self.rev, "commit": self.commit, "content": self.content}


@dataclass(frozen=True)
class Transfer:
    """What to push or pull."""

    paths: Sequence[str] = ()
    """Relative to the project; everything that is tracked when empty."""

    rev: str = ""
    """The state of this revision rather than that of the workspace."""

    remote: str = ""
    """Name of the remote; the default one when empty."""

    jobs: int = 0
    """Transfers at a time; as many as the version control's own setting when 0."""


class Versions(Part, ABC):
    """A version control of data. The engine looks at versions whenever it plans; people track, push and pull.

    Named in conf/versions/default.yaml. Every method raises `ProjectError` with what, where and a fix.
    """

    @abstractmethod
    def find(self, path: str, *, rev: str, place: Place) -> Version | None:
        """Find what a path stands for. Must be light: no heavy import, no network, nothing written but caches.

        Args:
            path: a file, folder or glob, relative to the project's root or absolute.
            rev: a commit, tag or branch; empty for what the workspace says of a path that is not there.
            place: the project's folders.

        Returns:
            The version, whose files may be missing on this machine; None when the workspace does not track the path.

        Raises:
            ProjectError: there is no such revision, or the path is not in it.
        """

    @abstractmethod
    def track(self, paths: Sequence[str], *, place: Place) -> tuple[Version, ...]:
        """Put files or folders under version control, or their new content when they are; idempotent."""

    @abstractmethod
    def push(self, transfer: Transfer, *, place: Place) -> int:
        """Send contents that the remote lacks; give how many files were sent."""

    @abstractmethod
    def pull(self, transfer: Transfer, *, place: Place) -> int:
        """Fetch contents that this machine lacks; give how many files were fetched.

        Without a revision, files are put into the workspace too.
        """
