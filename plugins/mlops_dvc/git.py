"""What git knows: which commit a revision means, and which files a commit holds. Never writes, never asks a network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mlops.durable import make_folder
from mlops.errors import ProjectError

__all__ = ["Blob", "Git", "repository"]

_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_LINK_MODE = "120000"
_LISTED = 3


@dataclass(frozen=True)
class Blob:
    """A file of a commit."""

    name: str
    """Relative to the repository's root."""

    oid: str
    kind: str
    """blob, or tree for a folder."""

    is_link: bool = False


def repository(folder: Path) -> Git | None:
    """Open the git repository that a folder lies in; None without one, or without git."""
    if not shutil.which("git"):
        return None
    done = _asked(folder, "rev-parse", "--show-toplevel")
    return Git(Path(os.fsdecode(done.stdout.strip()))) if done.returncode == 0 else None


@dataclass(frozen=True)
class Git:
    """One repository, read only."""

    root: Path

    @property
    def store(self) -> Path:
        """Folder in which git keeps everything, which working trees may share."""
        return self.root / os.fsdecode(self._checked("rev-parse", "--git-common-dir").strip())

    def commit(self, rev: str) -> str:
        """Give the full name of the commit that a revision means.

        Raises:
            ProjectError: there is no such revision here.
        """
        done = _asked(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        found = done.stdout.decode().strip()
        if done.returncode != 0 or not found:
            raise self._unknown(rev)
        return found

    def entries(self, commit: str, names: Sequence[str]) -> dict[str, Blob]:
        """Look up files and folders of a commit by name; those that are not there are left out."""
        return {blob.name: blob for blob in self._tree(commit, "--", *names)} if names else {}

    def below(self, commit: str, folder: str) -> list[Blob]:
        """List every file below a folder of a commit; the root's name is empty."""
        return list(self._tree(commit, "-r", "--", *([f"{folder}/"] if folder else [])))

    def read(self, blob: Blob) -> bytes:
        """Read a small file."""
        return self._checked("cat-file", "blob", blob.oid)

    def copy(self, blob: Blob, target: Path) -> None:
        """Write a file's bytes to ``target``, which appears when all of them are there."""
        if target.is_file():
            return
        make_folder(target.parent)
        temporary = target.with_name(f".{os.urandom(8).hex()}.tmp")
        try:
            with temporary.open("wb") as file:
                done = _asked(self.root, "cat-file", "blob", blob.oid, out=file.fileno())
                if done.returncode != 0:
                    raise self._broken(done)
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def _tree(self, commit: str, *words: str) -> Iterator[Blob]:
        for line in self._checked("ls-tree", "-z", "--full-tree", commit, *words).split(b"\0"):
            if line:
                facts, _, name = line.partition(b"\t")
                mode, kind, oid = facts.decode().split()
                yield Blob(os.fsdecode(name), oid, kind, is_link=mode == _LINK_MODE)

    def _checked(self, *words: str) -> bytes:
        done = _asked(self.root, *words)
        if done.returncode != 0:
            raise self._broken(done)
        return done.stdout

    def _broken(self, done: subprocess.CompletedProcess[bytes]) -> ProjectError:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return ProjectError(
            f"git could not read the repository: {said[-1] if said else 'it gave no reason'}",
            where=str(self.root),
            fix="git fsck says what is damaged; in a partial clone: git fetch --refetch --no-filter",
        )

    def _unknown(self, rev: str) -> ProjectError:
        if _asked(self.root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
            fix = "this clone is shallow; fetch the rest: git fetch --unshallow --tags"
        else:
            fix = self._near(rev)
        return ProjectError(f"git knows no revision {rev!r}", where=str(self.root), fix=fix)

    def _near(self, rev: str) -> str:
        refs = _asked(self.root, "for-each-ref", "--sort=-creatordate", "--format=%(refname:short)").stdout
        names = refs.decode(errors="replace").split()
        near = get_close_matches(rev, names, n=1)
        if near:
            return f"did you mean {near[0]!r}?"
        listed = f"there are {', '.join(names[:_LISTED])}; " if names else "there are no commits yet; "
        return f"{listed}for those of the remote: git fetch --tags"


def _asked(folder: Path, *words: str, out: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    # A variable that git sets for its hooks would lead to another repository.
    environment = {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE"}}
    return subprocess.run(  # noqa: S603 - our own words; revisions stand behind --end-of-options
        ["git", "-c", "core.fsmonitor=false", "--literal-pathspecs", *words],  # noqa: S607 - the user's git
        cwd=folder,
        env=environment | _QUIET,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
    )
