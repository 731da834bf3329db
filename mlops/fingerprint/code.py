"""The files whose text decides what a stage does: its module and what that imports, transitively."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlops.errors import ProjectError
from mlops.fingerprint.files import FileDigests, bytes_digest
from mlops.fingerprint.folders import walk
from mlops.fingerprint.imports import Import, Imports, imports_of
from mlops.fingerprint.modules import Found, Modules

__all__ = ["VOCABULARY", "CodeDigests"]

VOCABULARY = ("mlops.formats",)
"""Packages of the engine whose text decides what artifacts hold."""

_SECTION = f"imports-2-python-{sys.version_info.major}.{sys.version_info.minor}"
"""Hints of another reading or another grammar are not used."""

_EVERYTHING = "*"


class CodeDigests:
    """Digests of the code behind a module; one object is one look at the files.

    Imports are followed into the module's own top-level package, into everything in ``roots`` and
    into ``packages``. Other libraries count by their versions.
    """

    def __init__(
        self, roots: tuple[Path, ...], digests: FileDigests, *, packages: tuple[str, ...] = VOCABULARY
    ) -> None:
        self.modules = Modules(roots)
        self.packages = packages
        self._digests = digests
        self._by_module: dict[str, dict[str, str]] = {}
        self._own_files: dict[str, dict[str, str]] = {}
        self._by_file: dict[Path, str] = {}
        self._imports: dict[Path, Imports] = {}

    def files_of(self, module_name: str) -> dict[str, str]:
        """Digest every file that a module's work depends on.

        Returns:
            Shown path (``plugins/mine/encode.py``, ``mlops_polars/data.py``) → digest, sorted.

        Raises:
            ProjectError: there is no such module.
        """
        if module_name not in self._by_module:
            if self.modules.find(module_name) is None:
                places = ", ".join([*map(str, self.modules.roots), "the installed packages"])
                raise ProjectError(f"there is no module {module_name!r}", where=f"looked in {places}")
            reach = _Reach(self, module_name)
            reach.follow(module_name)
            self._by_module[module_name] = dict(sorted(reach.files.items()))
        return dict(self._by_module[module_name])

    def digest(self, path: Path) -> str:
        """Digest one file, once for each object."""
        if path not in self._by_file:
            self._by_file[path] = self._digests.digest(path)
        return self._by_file[path]

    def imports(self, path: Path) -> Imports:
        """Read a file's imports, or remember them from a file with the same bytes."""
        if path not in self._imports:
            self._imports[path] = self._remembered(path) or self._read(path)
        return self._imports[path]

    def own_files(self, found: Found) -> dict[str, str]:
        """Digest a module's text and the data files beside it, once for each object."""
        if found.name not in self._own_files:
            beside = [path for folder in self._data_homes(found) for path in _data_files(folder)]
            paths = [found.file, *beside] if found.file else beside
            self._own_files[found.name] = {found.show(path): self.digest(path) for path in paths}
        return self._own_files[found.name]

    def _data_homes(self, found: Found) -> tuple[Path, ...]:
        """Folders whose data files belong to a module: its package, or the root for a lone module in one."""
        if found.folders or found.file is None:
            return found.folders
        return (found.file.parent,) if found.file.parent in self.modules.roots else ()

    def _remembered(self, path: Path) -> Imports | None:
        hint = self._digests.hints.get(_SECTION, self.digest(path))
        return None if hint is None else Imports.from_json(hint)

    def _read(self, path: Path) -> Imports:
        source = path.read_bytes()
        found = imports_of(source)
        self._digests.hints.put(_SECTION, bytes_digest(source), found.as_json())
        return found


class _Reach:
    """One walk over the modules that a first one reaches."""

    def __init__(self, code: CodeDigests, start: str) -> None:
        self.files: dict[str, str] = {}
        self._code = code
        self._modules = code.modules
        self._own = start.partition(".")[0]
        self._seen: set[tuple[str, str]] = set()
        self._counted: set[str] = set()
        self._scope: dict[str, bool] = {}
        self._waiting: list[tuple[str, str]] = []

    def follow(self, name: str) -> None:
        """Count a module and everything that it reaches."""
        self._reach(name, _EVERYTHING)
        while self._waiting:
            module, wanted = self._waiting.pop()
            found = self._modules.find(module)
            if found is not None:
                self._visit(found, wanted)

    def _reach(self, module: str, wanted: str) -> None:
        """Plan a visit for all of a module's imports, or for the one that binds ``wanted``."""
        if self._in_scope(module) and (module, wanted) not in self._seen:
            self._seen.add((module, wanted))
            self._waiting.append((module, wanted))

    def _in_scope(self, module: str) -> bool:
        if module not in self._scope:
            top = module.partition(".")[0]
            inside = any(module == package or module.startswith(package + ".") for package in self._code.packages)
            self._scope[module] = inside or top == self._own or top in self._modules.local
        return self._scope[module]

    def _visit(self, found: Found, wanted: str) -> None:
        self._count(found)
        if found.file is None:
            return
        imports = self._code.imports(found.file)
        binding = imports.binding(wanted)
        if imports.facade and binding is not None:
            self._resolve_names(_absolute(found, binding), [(wanted, ())], binding)
            return
        if imports.opaque:
            self._reach_package(found.name.partition(".")[0])
        for item in imports.items:
            base = _absolute(found, item)
            if base and item.names is None:
                self._reach_deepest(base)
            elif base:
                self._resolve_names(base, [(bound, imports.uses.get(bound, ())) for _, bound in item.names or ()], item)

    def _resolve_names(self, base: str, wanted: Iterable[tuple[str, tuple[str, ...]]], item: Import) -> None:
        names = {bound: name for name, bound in item.names or ()}
        for bound, uses in wanted:
            self._reach_name(base, names[bound], uses)

    def _reach_package(self, name: str) -> None:
        if package := self._modules.find(name):
            for module in self._modules.below(package):
                self._reach(module, _EVERYTHING)

    def _reach_deepest(self, module: str) -> None:
        """Follow ``import a.b.c``: the module, or where it is missing the last parent that is there."""
        while module and self._in_scope(module) and self._modules.find(module) is None:
            module = module.rpartition(".")[0]
        self._reach(module, _EVERYTHING)

    def _reach_name(self, base: str, name: str, uses: tuple[str, ...] = ()) -> None:
        """Follow ``from base import name``: a submodule, or what the package itself binds to the name."""
        found = self._modules.find(base) if self._in_scope(base) else None
        inner = f"{base}.{name}"
        if found is not None and name == "*" and found.folders:
            self._reach_package(base)
        elif not self._in_scope(inner) or self._modules.find(inner) is None:
            self._reach(base, name if found is not None and found.folders else _EVERYTHING)
        else:
            self._reach_submodule(inner, uses)
            if found is not None and found.file and self._code.imports(found.file).binding(name):
                self._reach(base, name)

    def _reach_submodule(self, name: str, uses: tuple[str, ...]) -> None:
        """Follow a submodule; of a facade only the names that are used of it."""
        found = self._modules.find(name)
        is_facade = found is not None and found.folders and found.file and self._code.imports(found.file).facade
        if not (is_facade and uses):
            self._reach(name, _EVERYTHING)
            return
        for attribute in uses:
            self._reach_name(name, attribute)

    def _count(self, found: Found) -> None:
        """Count a module's text, its parents' ``__init__.py`` and the data files beside it."""
        names = found.name.split(".")
        for depth in range(1, len(names) + 1):
            part = self._modules.find(".".join(names[:depth]))
            if part is not None and part.name not in self._counted and self._in_scope(part.name):
                self._counted.add(part.name)
                self.files |= self._code.own_files(part)


def _absolute(importer: Found, item: Import) -> str:
    """Turn a relative import into a dotted name; empty when it leaves the top-level package."""
    if not item.level:
        return item.module
    package = importer.name.split(".") if importer.folders else importer.name.split(".")[:-1]
    kept = package[: len(package) - item.level + 1]
    return ".".join([*kept, item.module] if item.module else kept) if kept else ""


def _data_files(folder: Path) -> Iterator[Path]:
    """Yield what lies beside Python code: every other file, also in folders that hold no Python."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "__pycache__":
            continue
        if not path.is_dir():
            yield from _if_data(path)
        elif not any(inner.suffix == ".py" for inner in path.iterdir()):
            for inner in walk(path):
                yield from _if_data(inner)


def _if_data(path: Path) -> Iterator[Path]:
    """Yield the file unless it is code, compiled code or an editor's backup."""
    if path.suffix not in {".py", ".pyc"} and not path.name.endswith("~"):
        yield path
