"""Trusted packages: a dotted name → the class it stands for, or the reason why not.

A name is checked against the trusted list before anything is imported, and the class that comes
back is checked again by the module in which it was really defined, so that an alias of something
else never slips through.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
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
from mlops.target_wording import import_fix, line_of, not_dotted, suggestion, words_of

__all__ = ["FIRST_PARTY", "Plugins", "TargetRefused"]

FIRST_PARTY = (
    "mlops_dvc",
    "mlops_ensemble",
    "mlops_evaluate",
    "mlops_features",
    "mlops_history",
    "mlops_kubernetes",
    "mlops_lightgbm",
    "mlops_lightning",
    "mlops_mlflow",
    "mlops_onnx",
    "mlops_optuna",
    "mlops_polars",
    "mlops_ray",
    "mlops_release",
    "mlops_serve",
    "mlops_sklearn",
    "mlops_train",
    "mlops_whylogs",
    "mlops_xgboost",
)
_ENGINE_PARTS = "mlops.executors."
"""The one place in the engine whose classes a recipe may name."""

_FAMILIES = r"\w*(Stage|Part|Estimator)|Executor|Gate|Monitor|Policy|Registry|Searcher|Strategy|Target|Tracker|Versions"
"""Abstract parts: what their names end in, and those of the services."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


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
            raise TargetRefused(not_dotted(target), fix="write package.module.Class")
        if target not in self._resolved:
            self._resolved[target] = self._load(target)
        found = self._resolved[target]
        if not issubclass(found, kind):
            raise TargetRefused(
                f"{target} is not a {kind.__name__}", fix=f"name a subclass of {kind.__module__}.{kind.__name__}"
            )
        if inspect.isabstract(found):
            missing = ", ".join(sorted(found.__abstractmethods__))
            raise TargetRefused(f"{target} is abstract: it has no {missing}", fix="name a subclass that is complete")
        return found

    def _load(self, target: str) -> type[Part]:
        package = target.split(".", 1)[0]
        if not (target.startswith(_ENGINE_PARTS) or self._is_trusted(package)):
            raise TargetRefused(
                f"{target}: the package {package!r} is not trusted",
                fix=f"{self._near(package)}trusted are {', '.join(self.trusted())}",
            )
        found = self._attribute(target)
        if not isinstance(found, type) or not issubclass(found, Part):
            raise TargetRefused(f"{target} is not a stage or part", fix="name a subclass of mlops.stage.Part")
        home = found.__module__
        if not (home.startswith(_ENGINE_PARTS) or self._is_trusted(home.split(".", 1)[0])):
            raise TargetRefused(
                f"{target} is an alias of {home}.{found.__qualname__}, which is not trusted",
                fix="name a class that a trusted package defines itself",
            )
        return found

    def _attribute(self, target: str) -> Any:
        """Import the longest prefix of the name that is a module of the package, then take one class from it."""
        module_name, _, name = target.rpartition(".")
        module = self._import(module_name, target)
        if name not in vars(module):
            classes = [k for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Part)]
            own = [key for key in classes if vars(module)[key].__module__ == module_name]
            raise TargetRefused(f"{module_name} has no {name!r}", fix=suggestion(name, own))
        return vars(module)[name]

    def _import(self, module_name: str, target: str) -> ModuleType:
        package = module_name.split(".", 1)[0]
        spec = self._spec(module_name)
        if spec is None:
            raise TargetRefused(f"{target}: there is no module {module_name!r}", fix=self._modules_like(module_name))
        if package in FIRST_PARTY and not _is_ours(spec):
            raise TargetRefused(f"{target}: {spec.origin} hides the installed {package}", fix="rename that file")
        if self._is_project(package):
            self._expose()
        try:
            return importlib.import_module(module_name)
        except (Exception, SystemExit) as exc:
            raise TargetRefused(
                f"{target}: importing {module_name} failed{line_of(exc, self.folder)}: {words_of(exc)}",
                fix=import_fix(exc),
            ) from exc

    def _expose(self) -> None:
        """Let the project's plugins be imported; last, so that none of them can hide another module."""
        if str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))

    def _spec(self, module_name: str) -> ModuleSpec | None:
        """Locate a module without importing anything, its parents included."""
        package, *rest = module_name.split(".")
        path: list[str] | None = [str(self.folder)] if self._is_project(package) else None
        spec = PathFinder.find_spec(package, path) or (None if path else _editable(package))
        for index in range(len(rest)):
            if spec is None or spec.submodule_search_locations is None:
                return None
            name = ".".join([package, *rest[: index + 1]])
            spec = _submodule(name, list(spec.submodule_search_locations))
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
        """A plugin must not take the name of a module that others import, nor lead out of the project."""
        if package in sys.stdlib_module_names or package == "mlops" or self._is_elsewhere(package):
            raise TargetRefused(f"plugins/{package} has the name of another module", fix="rename the plugin")
        for path in (self.folder / f"{package}.py", self.folder / package):
            if path.exists() and not path.resolve().is_relative_to(self.folder.resolve()):
                raise TargetRefused(f"plugins/{path.name} is a link that leads out of plugins/", fix="copy it there")

    def _is_elsewhere(self, package: str) -> bool:
        """Tell whether a module of this name comes from somewhere other than the project's plugins/."""
        known = getattr(sys.modules.get(package), "__spec__", None)
        others = [entry for entry in sys.path if Path(entry or ".").resolve() != self.folder.resolve()]
        spec = known or PathFinder.find_spec(package, others)
        if spec is None or (spec.origin is None and known is None):
            return False  # nowhere, or a folder without __init__.py, which a plugin rightly goes before
        homes = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        return not all(Path(home).resolve().is_relative_to(self.folder.resolve()) for home in homes)

    def announced(self) -> tuple[str, ...]:
        """Packages that installed distributions announce under the entry point group ``mlops.plugins``."""
        if self._announced is None:
            from importlib.metadata import entry_points

            values = (point.value for point in entry_points(group="mlops.plugins"))
            self._announced = tuple(sorted({re.split(r"[:.]", value, maxsplit=1)[0] for value in values}))
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
                    self._is_trusted(package)
                    module = self._import(module_name, module_name)
                except MlopsError:
                    continue
                for name, value in vars(module).items():
                    own = isinstance(value, type) and issubclass(value, kind) and value.__module__ == module_name
                    if own and not inspect.isabstract(value) and not name.startswith("_"):
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
        return suggestion(module_name, self._modules(module_name.split(".", 1)[0]))

    def _near(self, package: str) -> str:
        near = get_close_matches(package, self.trusted(), n=1, cutoff=0.6)
        return f"did you mean {near[0]!r}? " if near else ""


def _is_ours(spec: ModuleSpec) -> bool:
    """Tell whether a first-party module lies where this distribution does."""
    home = Path(__file__).resolve().parent.parent
    found = Path(spec.origin or "").resolve()
    return any(found.is_relative_to(folder / spec.name.split(".", 1)[0]) for folder in (home, home / "plugins"))


def _submodule(name: str, folders: list[str]) -> ModuleSpec | None:
    """Locate a module in its package's folders; the package need not be imported."""
    try:
        return PathFinder.find_spec(name, folders)
    except KeyError:  # a folder without __init__.py: the finder asks sys.modules for its parent
        inner = [str(path) for folder in folders if (path := Path(folder) / name.rpartition(".")[2]).is_dir()]
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = inner
        return spec


def _editable(package: str) -> ModuleSpec | None:
    """Ask the other finders (an editable install may have its own)."""
    try:
        return importlib.util.find_spec(package)
    except ValueError:  # a module without a spec, such as __main__
        return None


def _declares_parts(folders: list[str], name: str) -> bool:
    """Tell whether a module's text mentions a stage or part, so that heavy siblings stay unimported."""
    for folder in folders:
        path = Path(folder) / f"{name}.py"
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            return bool(re.search(rf"^class \w+\((\w+, *)*({_FAMILIES})\b", text, re.MULTILINE))
    return False
