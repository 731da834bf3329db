"""Data files versioned by DVC beside git: found without DVC, tracked and moved by DVC itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mlops.errors import ProjectError
from mlops.services.versions import Held, Transfer, Version, Versions
from mlops.stage import Place
from mlops_dvc.finding import Finder
from mlops_dvc.git import Blob, Git, repository
from mlops_dvc.layout import Cache, dvc_root, open_cache
from mlops_dvc.lfs import followed
from mlops_dvc.trees import CommitTree, WorkTree

__all__ = ["Dvc"]


class Dvc(Versions):
    """Data files under DVC, their pointers under git."""

    libraries: ClassVar[tuple[str, ...]] = ("dvc",)
    extra: ClassVar[str] = "dvc"

    remote: str | None = None
    """Name of the DVC remote to push to and pull from; DVC's default one when not given."""

    jobs: Annotated[int, Field(ge=1)] = 4
    """Transfers at a time."""

    def find(self, path: str, *, rev: str, place: Place) -> Version | None:
        """Find what a path held at a revision, or what its ``.dvc`` file in the workspace says."""
        root = place.root.resolve()
        if rev:
            return _at_commit(path, rev, root=root, blobs=place.state / "cache" / "blobs")
        home = dvc_root(root)
        if home is None:
            return None
        name = _below(path, root, home)
        version = Finder(WorkTree(home), open_cache(home)).find(name) if name is not None else None
        return version and replace(version, path=path)

    def track(self, paths: Sequence[str], *, place: Place) -> tuple[Version, ...]:
        """Do as ``dvc add`` does; DVC is set up first where it is not yet."""
        self._check_workspace(paths, place.root)
        told = self._asked("track", place, paths=list(paths))
        return tuple(_tracked(item) for item in told["tracked"])

    def push(self, transfer: Transfer, *, place: Place) -> int:
        """Do as ``dvc push`` does; of a revision, send what DVC tracks in it."""
        return int(self._asked("push", place, **self._wishes(transfer, place))["files"])

    def pull(self, transfer: Transfer, *, place: Place) -> int:
        """Do as ``dvc pull`` does; of a revision, fetch what DVC tracks in it into the cache."""
        files = int(self._asked("pull", place, **self._wishes(transfer, place))["files"])
        if transfer.rev:
            self._check_arrived(transfer, place)
        return files

    def _wishes(self, transfer: Transfer, place: Place) -> dict[str, Any]:
        return {
            "paths": list(transfer.paths),
            "contents": _contents(transfer, place) if transfer.rev else None,
            "remote": transfer.remote or self.remote,
            "jobs": transfer.jobs or self.jobs,
        }

    def _check_arrived(self, transfer: Transfer, place: Place) -> None:
        for path in transfer.paths or ("",):
            version = self.find(path, rev=transfer.rev, place=place)
            if version and version.missing:
                raise ProjectError(
                    f"the remote does not have all of {path or transfer.rev!r}",
                    where=f"{transfer.rev}: {version.missing[0]}",
                    fix=f"where its content is: mlops data push {path} --rev {transfer.rev}".replace("  ", " "),
                )

    def _asked(self, verb: str, place: Place, **words: Any) -> Mapping[str, Any]:
        from mlops_dvc.client import ask

        return ask(verb, place, **words)

    def _check_workspace(self, paths: Sequence[str], root: Path) -> None:
        for path in paths:
            if not (root / path).exists():
                raise ProjectError(f"there is nothing to track at {path!r}", where=str(root), fix="correct the path")


def _at_commit(path: str, rev: str, *, root: Path, blobs: Path) -> Version:
    git, commit, name = _asked_for(path, rev, root)
    tree = CommitTree(git, commit, blobs)
    version = Finder(tree, _cache(root, git.root)).find(name) if name is not None else None
    if version is None:
        raise ProjectError(
            f"{path!r} is not in {rev} ({commit[:12]})",
            where=str(git.root),
            fix=f"git log --oneline --all -- {path} {path}.dvc   lists the commits that have it",
        )
    files = _copied(git, version.files, rev)
    content = files[version.names[0]].digest if version.content.startswith("git:") else version.content
    return replace(version, path=path, rev=rev, commit=commit, content=content, files=files)


def _contents(transfer: Transfer, place: Place) -> list[tuple[str, str]]:
    """Name the contents that DVC tracks in a revision: algorithm and digest."""
    root = place.root.resolve()
    found: dict[tuple[str, str], None] = {}
    for path in transfer.paths or ("",):
        git, commit, name = _asked_for(path, transfer.rev, root)
        tree = CommitTree(git, commit, place.state / "cache" / "blobs")
        outs = Finder(tree, _cache(root, git.root)).outs(name) if name is not None else []
        if path and not outs:
            raise ProjectError(
                f"DVC does not track {path!r} in {transfer.rev}",
                where=str(git.root),
                fix="a file that git keeps itself needs no remote of DVC's; else correct the path",
            )
        found |= dict.fromkeys(("md5-dos2unix" if out.is_legacy else "md5", out.md5) for out in outs)
    return list(found)


def _asked_for(path: str, rev: str, root: Path) -> tuple[Git, str, str | None]:
    """Give the repository, the commit, and the name below the repository's root (empty for all of it)."""
    git = repository(root)
    if git is None:
        raise ProjectError(
            f"there is no git repository, so revision {rev!r} means nothing",
            where=str(root),
            fix="read the workspace: leave the revision out; or keep the project in git",
        )
    return git, git.commit(rev), _below(path, root, git.root)


def _copied(git: Git, files: Mapping[str, Held], rev: str) -> dict[str, Held]:
    """Have the plain files of a commit at hand."""
    found = dict(files)
    for name, held in files.items():
        kind, _, oid = held.digest.partition(":")
        if kind == "git":
            git.copy(Blob(name, oid, "blob"), held.path)
            found[name] = followed(name, held, store=git.store, rev=rev)
    return found


def _cache(root: Path, top: Path) -> Cache:
    return open_cache(dvc_root(root) or top)


def _below(path: str, root: Path, top: Path) -> str | None:
    """Name a path of the project below the repository's root; None when it lies elsewhere."""
    full = os.path.normpath(root / Path(path).expanduser())
    name = os.path.relpath(full, top).replace(os.sep, "/")
    if name == ".." or name.startswith("../"):
        return None
    return "" if name == "." else name


def _tracked(item: Mapping[str, Any]) -> Version:
    return Version(item["path"], content=f"md5:{item['md5']}", names=(item["pointer"],))
