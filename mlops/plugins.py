"""Trusted packages: a dotted name → the class it stands for, or the reason why not.

A name is checked against the trusted list before anything is imported, and the class that comes
back is checked again by the module in which it was really defined, so that an alias of something
else never slips through.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from mlops.errors import MlopsError
from mlops.stage import Part

__all__ = ["FIRST_PARTY", "Plugins", "TargetRefused"]

FIRST_PARTY = (
    "mlops_evaluate",
    "mlops_features",
    "mlops_lightgbm",
    "mlops_onnx",
    "mlops_polars",
    "mlops_sklearn",
    "mlops_train",
)
_ENGINE_PARTS = "mlops.executors."
"""The one place in the engine whose classes a recipe may name."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class TargetRefused(MlopsError):
    """A ``_target_`` that may not be used, cannot be found, or is not what the section needs."""

    exit_code = 2


@dataclass
class Plugins:
    """The trusted packages of one project."""

    folder: Path
    """The project's plugins/."""

    _announced: tuple[str, ...] | None = None
    _resolved: dict[str, type[Part]] = field(default_factory=dict)

    def resolve(self, target: Any, kind: type[Part]) -> type[Part]:
        """Find the class that ``target`` names and see that it is a ``kind``.

        Raises:
            TargetRefused: it is not trusted, not there, or not a subclass of ``kind``.
        """
        if not isinstance(target, str) or not _DOTTED.fullmatch(target):
            raise TargetRefused(f"{target!r} is not a dotted name such as package.module.Class")
        if target not in self._resolved:
            self._resolved[target] = self._load(target)
        found = self._resolved[target]
        if not issubclass(found, kind):
            raise TargetRefused(
                f"{target} is not a {kind.__name__}", fix=f"name a subclass of {kind.__module__}.{kind.__name__}"
            )
        return found

    def _load(self, target: str) -> type[Part]:
        package = target.split(".", 1)[0]
        if not (target.startswith(_ENGINE_PARTS) or self._is_trusted(package)):
            raise TargetRefused(
                f"{target}: the package {package!r} is not trusted",
                fix=f"trusted are {', '.join(self.trusted())}{self._near(package)}",
            )
        found = self._attribute(target)
        if not isinstance(found, type) or not issubclass(found, Part):
            raise TargetRefused(f"{target} is not a stage or part", fix="name a subclass of mlops.stage.Part")
        home = found.__module__
        if not (home.startswith(_ENGINE_PARTS) or self._is_trusted(home.split(".", 1)[0])):
            raise TargetRefused(
                f"{target} is an alias of {found.__module__}.{found.__qualname__}, which is not trusted"
            )
        return found

    def _attribute(self, target: str) -> Any:
        """Import the longest prefix of the name that is a module of the package, then take one class from it."""
        module_name, _, name = target.rpartition(".")
        module = self._import(module_name, target)
        if name not in vars(module):
            classes = [
                key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, Part)
            ]
            raise TargetRefused(f"{module_name} has no {name!r}", fix=_suggestion(name, classes))
        return vars(module)[name]

    def _import(self, module_name: str, target: str) -> ModuleType:
        spec = self._spec(module_name)
        if spec is None:
            raise TargetRefused(f"{target}: there is no module {module_name!r}", fix=self._modules_like(module_name))
        if (self.folder / module_name.split(".")[0]).exists() or self._is_project(module_name.split(".", 1)[0]):
            self._expose()
        try:
            return importlib.import_module(module_name)
        except MlopsError:
            raise
        except Exception as exc:
            raise TargetRefused(f"{target}: importing {module_name} failed: {type(exc).__name__}: {exc}") from exc

    def _expose(self) -> None:
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))

    def _spec(self, module_name: str) -> ModuleSpec | None:
        """Locate a module without importing anything, its parents included."""
        package, *rest = module_name.split(".")
        path: list[str] | None = [str(self.folder)] if self._is_project(package) else None
        spec = PathFinder.find_spec(package, path) or (None if path else _editable(package))
        for index, part in enumerate(rest):
            if spec is None or spec.submodule_search_locations is None:
                return None
            name = ".".join([package, *rest[: index + 1]])
            spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
            del part
        return spec

    def _is_project(self, package: str) -> bool:
        return package not in FIRST_PARTY and (
            (self.folder / f"{package}.py").is_file() or (self.folder / package).is_dir()
        )

    def _is_trusted(self, package: str) -> bool:
        if package in FIRST_PARTY:
            return True
        if self._is_project(package):
            self._refuse_shadow(package)
            return True
        return package in self.announced()

    def _refuse_shadow(self, package: str) -> None:
        """A plugin must not take the name of a module that others import."""
        known = sys.modules.get(package)
        file = getattr(known, "__file__", None) or ""
        inside = Path(file).is_relative_to(self.folder) if file else known is None
        if package in sys.stdlib_module_names or package == "mlops" or (known is not None and not inside):
            raise TargetRefused(f"plugins/{package} has the name of another module", fix="rename the plugin")

    def announced(self) -> tuple[str, ...]:
        """Packages that installed distributions announce under the entry point group ``mlops.plugins``."""
        if self._announced is None:
            from importlib.metadata import entry_points

            values = (point.value for point in entry_points(group="mlops.plugins"))
            self._announced = tuple(sorted({value.split(":")[0].split(".")[0] for value in values}))
        return self._announced

    def project_packages(self) -> tuple[str, ...]:
        """Packages and modules of the project's plugins/."""
        if not self.folder.is_dir():
            return ()
        names = (
            p.stem if p.suffix == ".py" else p.name for p in self.folder.iterdir() if p.suffix == ".py" or p.is_dir()
        )
        return tuple(sorted(n for n in names if n.isidentifier() and not n.startswith("_") and n not in FIRST_PARTY))

    def trusted(self) -> tuple[str, ...]:
        """List every trusted package."""
        return (*FIRST_PARTY, *self.announced(), *self.project_packages())

    def parts(self, kind: type[Part]) -> Iterator[tuple[str, type[Part]]]:
        """Walk every stage or part of every trusted package, by the name to write as ``_target_``."""
        for package in self.trusted():
            for module_name in self._modules(package):
                try:
                    module = self._import(module_name, module_name)
                except MlopsError:
                    continue
                for name, value in vars(module).items():
                    own = isinstance(value, type) and issubclass(value, kind) and value.__module__ == module_name
                    if own and not getattr(value, "__abstractmethods__", None) and not name.startswith("_"):
                        yield f"{module_name}.{name}", value

    def _modules(self, package: str) -> list[str]:
        spec = self._spec(package)
        if spec is None:
            return []
        folders = spec.submodule_search_locations
        if folders is None:
            return [package]
        inner = sorted(path.stem for folder in folders for path in Path(folder).glob("*.py") if path.stem != "__init__")
        return [package, *(f"{package}.{name}" for name in inner if _declares_parts(folders, name))]

    def _modules_like(self, module_name: str) -> str:
        return _suggestion(module_name, self._modules(module_name.split(".")[0]))

    def _near(self, package: str) -> str:
        near = get_close_matches(package, self.trusted(), n=1, cutoff=0.6)
        return f"; did you mean {near[0]!r}?" if near else ""


def _editable(package: str) -> ModuleSpec | None:
    """Ask the other finders (an editable install may have its own)."""
    return importlib.util.find_spec(package)


def _declares_parts(folders: list[str], name: str) -> bool:
    """Tell whether a module's text mentions a stage or part, so that heavy siblings stay unimported."""
    for folder in folders:
        path = Path(folder) / f"{name}.py"
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            return bool(re.search(r"^class \w+\((\w+, *)*(Stage|Part|Estimator)\b", text, re.MULTILINE))
    return False


def _suggestion(name: str, choices: list[str]) -> str:
    near = get_close_matches(name, choices, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are {', '.join(sorted(choices))}" if choices else ""
