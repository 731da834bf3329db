"""What a path stands for in a tree: a plain file, a file or folder that DVC tracks, a part of one, or a glob."""

from __future__ import annotations

import glob
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlops.errors import ProjectError
from mlops.services.versions import Held, Version
from mlops_dvc.layout import Cache
from mlops_dvc.pointers import LOCK, SUFFIX, Out, listed, outs_of
from mlops_dvc.trees import Tree

__all__ = ["Finder", "matcher"]


@dataclass(frozen=True)
class Finder:
    """Looks paths up in one tree."""

    tree: Tree
    cache: Cache

    def find(self, name: str) -> Version | None:
        """Find what a name (or glob) below the repository's root stands for; None when the tree knows nothing."""
        if not name:
            return self._within(self._everything(""), "")
        plain = self.tree.file(name)
        if plain is not None:
            return Version(name, content=plain.digest, files={name: plain}, names=(name,))
        outs = {out.name: out for out in self._near_outs(name)}
        exact = outs.get(name)
        if exact is not None:
            files = self._members(exact) if exact.is_folder else {name: self._held(exact)}
            return Version(name, content=f"md5:{exact.md5}", files=files, names=(name,))
        for above in _above(name):
            if above in outs and outs[above].is_folder:
                return self._within(self._members(outs[above]), name)
        return self._within(self._everything(_fixed(name)), name)

    def outs(self, name: str) -> list[Out]:
        """List what DVC tracks of a name: itself or the folder it is in, else all below or matching it."""
        near = [out for out in (self._near_outs(name) if name else []) if out.name in (name, *_above(name))]
        if near:
            return near
        folder, matches = _fixed(name), matcher(name)
        return [
            out
            for place, text in self.tree.texts(self.tree.pointers(folder)).items()
            for out in outs_of(place, text)
            if not name or out.name.startswith(f"{name}/") or matches.fullmatch(out.name) or out.is_folder
        ]

    def _near_outs(self, name: str) -> list[Out]:
        """Read what the files of DVC's that may speak of this very name, or of a folder above it, track."""
        chain = [name, *_above(name)]
        homes = [posixpath.dirname(item) for item in chain]
        candidates = [f"{item}{SUFFIX}" for item in chain]
        candidates += [posixpath.join(home, LOCK) for home in dict.fromkeys(homes)]
        return [out for place, text in self.tree.texts(candidates).items() for out in outs_of(place, text)]

    def _everything(self, folder: str) -> dict[str, Held]:
        """Collect all files below a folder: those of the tree itself and those that DVC tracks."""
        found = self.tree.files(folder)
        for place, text in self.tree.texts(self.tree.pointers(folder)).items():
            for out in outs_of(place, text):
                found |= self._members(out) if out.is_folder else {out.name: self._held(out)}
        return found

    def _within(self, files: Mapping[str, Held], name: str) -> Version | None:
        """Choose from files those that a name means: one of them, all below a folder, or what a glob matches."""
        if name in files:
            return Version(name, content=files[name].digest, files={name: files[name]}, names=(name,))
        below = {key: held for key, held in files.items() if not name or key.startswith(f"{name}/")}
        if below:
            return Version(name, files=below, names=(name,))
        if not glob.has_magic(name):
            return None
        matches = matcher(name)
        chosen = {key: files[key] for key in sorted(files) if matches.fullmatch(key)}
        return Version(name, files=chosen, names=tuple(chosen)) if chosen else None

    def _members(self, out: Out) -> dict[str, Held]:
        """Name the files of a tracked folder; when its list is not here, the list itself is what is missing."""
        path = self.cache.path(out.md5, is_legacy=out.is_legacy)
        if not path.is_file():
            return {out.name: self._held(out)}
        names = listed(path.read_bytes(), str(path))
        inner = (Out(posixpath.normpath(posixpath.join(out.name, n)), m, out.is_legacy) for n, m in names.items())
        return {item.name: self._held(item) for item in inner}

    def _held(self, out: Out) -> Held:
        # DVC 2 digested texts with other line ends than they have: their bytes cannot be held to it.
        digest = "" if out.is_legacy else f"md5:{out.md5}"
        return Held(self.cache.path(out.md5, is_legacy=out.is_legacy), digest)


def _above(name: str) -> list[str]:
    """List the folders above a name, the nearest first, without the root."""
    found = []
    while name := posixpath.dirname(name):
        found.append(name)
    return found


def _fixed(name: str) -> str:
    """Give the folder of a glob below which everything it can match lies."""
    parts = name.split("/")
    fixed = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return "/".join(parts[:fixed]) if glob.has_magic(name) else name


def matcher(pattern: str) -> re.Pattern[str]:
    """Compile a glob as the shell reads it: ``*`` stays within a folder, ``**`` does not.

    Raises:
        ProjectError: it cannot be read.
    """
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern):
        known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        if part.startswith("[") and part.endswith("]"):
            text += part.replace("[!", "[^", 1)
        else:
            text += known.get(part, re.escape(part))
    try:
        return re.compile(text, re.DOTALL)
    except re.error as exc:
        raise ProjectError(f"the glob {pattern!r} cannot be read: {exc}", fix="correct the part in brackets") from exc
