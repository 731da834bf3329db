"""From a source as a recipe names it to files, their digest, and the version that they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops.errors import ProjectError
from mlops.fingerprint import FileDigests
from mlops.project import Project
from mlops.services.versions import Held, Transfer, Version, Versions, revision_of
from mlops.versioned.service import place_of, versions_of
from mlops.versioned.view import view_of

__all__ = ["Measured", "Sources"]

_KNOWN = "versions"
"""Section of the hints: what a version control calls a content → our digest of it, and the other way round."""


@dataclass(frozen=True)
class Measured:
    """A source, measured."""

    path: str
    """As the recipe writes it, without the revision: the same bytes count the same wherever they were kept."""

    digest: str
    version: Mapping[str, Any] | None = None
    """Revision, commit and content, for a source that is under version control."""


@dataclass(frozen=True)
class Sources:
    """The outside data of one project."""

    project: Project
    pulls: bool = False
    """Fetch contents that are not on this machine, rather than say how to; for runs, not for plans."""

    def find(self, source: str) -> list[str]:
        """Name the files that a source stands for: in the workspace, or of a version.

        Returns:
            Absolute paths (sorted) or the URL; empty when there is no such file.

        Raises:
            ProjectError: there is no such version, or its bytes are not on this machine.
        """
        path, rev = revision_of(source)
        found = [] if rev else self.project.find(path)
        version = None if found else self._version(path, rev)
        if version is not None and version.missing and self.pulls:
            self._versions.pull(Transfer((path,), rev), place=place_of(self.project))
            version = self._version(path, rev)
        return found if version is None else self._viewed(version)

    def measured(self, source: str, digests: FileDigests) -> Measured:
        """Digest a source.

        Bytes that are not on this machine count by the digest that they had when they were; what is
        already made of them can so be reused.

        Raises:
            ProjectError: nothing is there, or its bytes are needed and not here, or are not what they should be.
        """
        path, rev = revision_of(source)
        found = [] if rev else self.project.find(path)
        if found or (version := self._version(path, rev)) is None:
            digest = digests.source_digest(path, self.project.find)
            return Measured(path, digest, self._tracked(path, found, digests))
        known = self._remembered(version, digests) if version.missing else ""
        if not known:
            known = self._digest(version, digests)
            if version.content:
                digests.hints.put(_KNOWN, version.content, known)
        return Measured(path, known, version.to_json())

    @cached_property
    def _versions(self) -> Versions:
        return versions_of(self.project)

    def _version(self, path: str, rev: str) -> Version | None:
        if "://" in path:
            return None
        return self._versions.find(path, rev=rev, place=place_of(self.project))

    def _digest(self, version: Version, digests: FileDigests) -> str:
        view = self._view(version)
        for name, held in version.files.items():
            _verify(name, held, digests, version=version, path=view / name)
        return digests.source_digest(version.path, lambda _: [str(view / name) for name in version.names])

    def _remembered(self, version: Version, digests: FileDigests) -> str:
        known = digests.hints.get(_KNOWN, version.content) if version.content else None
        return known if isinstance(known, str) else ""

    def _tracked(self, path: str, found: list[str], digests: FileDigests) -> Mapping[str, Any] | None:
        """Tell which content a tracked file of the workspace has, if it is what its pointer says."""
        if len(found) != 1 or not Path(f"{found[0]}.dvc").is_file():
            return None
        version = self._version(path, "")
        if version is None or not version.content:
            return None
        held = version.files.get(version.names[0]) if version.names else None
        if held is None or not held.digest:
            return version.to_json()
        same = held.digest == _named(Path(found[0]), held.digest, digests)
        return version.to_json() if same else {**version.to_json(), "content": "", "changed": True}

    def _viewed(self, version: Version) -> list[str]:
        view = self._view(version)
        return sorted(str(view / name) for name in version.names)

    def _view(self, version: Version) -> Path:
        if version.missing:
            raise _not_here(version)
        return view_of(version.files, self.project.state / "cache" / "versions")


def _not_here(version: Version) -> ProjectError:
    at = f" at {version.rev}" if version.rev else ""
    rev = f" --rev {version.rev}" if version.rev else ""
    count = len(version.missing)
    files = "is" if count == 1 else f"({count} files) is"
    return ProjectError(
        f"the content of {version.path!r}{at} {files} not on this machine",
        where=str(version.files[version.missing[0]].path),
        fix=f"mlops data pull {version.path}{rev}",
    )


def _verify(name: str, held: Held, digests: FileDigests, *, version: Version, path: Path) -> None:
    """See that a content is what its name says; a cache is only a folder that anybody can write to."""
    if held.digest and _named(path, held.digest, digests) != held.digest:
        rev = f" --rev {version.rev}" if version.rev else ""
        again = "" if not held.digest.startswith("md5:") else f" && mlops data pull {version.path}{rev}"
        raise ProjectError(
            f"the content of {name!r} is damaged: it is not the {held.digest[:16]}… that it is kept as",
            where=str(held.path),
            fix=f"rm -f {held.path}{again}",
        )


def _named(path: Path, like: str, digests: FileDigests) -> str:
    """Name a file's content as a version control does, once for each content."""
    kind = like.partition(":")[0]
    key = f"{kind} of {digests.digest(path)}"
    known = digests.hints.get(_KNOWN, key)
    if not isinstance(known, str):
        known = f"{kind}:{_hashed(path, kind)}"
        digests.hints.put(_KNOWN, key, known)
    return known


def _hashed(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        if kind == "sha256":
            return hashlib.file_digest(file, hashlib.sha256).hexdigest()
        if kind == "md5":
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        total = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        while piece := file.read(1 << 20):
            total.update(piece)
        return total.hexdigest()
