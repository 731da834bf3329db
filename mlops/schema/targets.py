"""Every class that a recipe of this project may name as ``_target_``, and which of them fit where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlops.catalog import RECIPE, Catalog, target_of
from mlops.errors import MlopsError
from mlops.plugins import Plugins
from mlops.stage import Part, Stage
from mlops.yaml_file import Node

__all__ = ["Targets"]


@dataclass(frozen=True)
class Targets:
    """Target → class, by name; and which target each choice of a group names."""

    classes: dict[str, type[Part]]
    choices: dict[str, dict[str, str]]
    """Group → choice → target; choices whose target cannot be used are left out."""

    @classmethod
    def of(cls, catalog: Catalog, plugins: Plugins) -> Targets:
        """Ask the trusted packages, and read what the project's files name beside."""
        found = dict(plugins.parts(Part))
        for path in _paths(catalog):
            file = catalog.load(path)
            for target in _named(file.root) if file else ():
                if target not in found and (resolved := _resolved(plugins, target)):
                    found[target] = resolved
        choices = {group: dict(_choices(catalog, group, found)) for group in catalog.groups()}
        return cls({target: found[target] for target in sorted(found)}, choices)

    def fitting(self, kind: type[Part]) -> list[str]:
        """List the targets that are a ``kind``, by name."""
        return [target for target, cls in self.classes.items() if issubclass(cls, kind)]

    def kind_of(self, targets: Iterable[str]) -> type[Part]:
        """Find what the classes of a group have in common: Stage, or the nearest abstract family above all of them."""
        classes = [self.classes[target] for target in targets]
        if all(issubclass(cls, Stage) for cls in classes):
            return Stage
        families = [base for base in classes[0].__mro__ if getattr(base, "__abstractmethods__", None)]
        shared = (f for f in families if issubclass(f, Part) and all(issubclass(cls, f) for cls in classes))
        return next(shared, Part)


def recipe_names(catalog: Catalog) -> list[str]:
    """List the recipes, those in folders too (as 'team/flights')."""
    folders = [base / "recipes" for base in catalog.project.bases]
    found = {path.relative_to(f).with_suffix("").as_posix() for f in folders for path in f.rglob("*.yaml")}
    return sorted(name for name in found if not any(part.startswith(".") for part in name.split("/")))


def _paths(catalog: Catalog) -> list[str]:
    choices = [f"{group}/{choice}" for group in catalog.groups() for choice in catalog.options(group)]
    return [*choices, *(f"{RECIPE}/{name}" for name in recipe_names(catalog))]


def _named(node: Node) -> Iterator[str]:
    for path, _, child in node.places():
        if path[-1] == "_target_" and isinstance(child.value, str):
            yield child.value


def _resolved(plugins: Plugins, target: str) -> type[Part] | None:
    try:
        return plugins.resolve(target, Part)
    except MlopsError:
        return None


def _choices(catalog: Catalog, group: str, found: dict[str, type[Part]]) -> Iterator[tuple[str, str]]:
    for choice in catalog.options(group):
        target = _target(catalog, f"{group}/{choice}", trail=())
        if target in found:
            yield choice, target


def _target(catalog: Catalog, path: str, *, trail: tuple[str, ...]) -> str:
    """Read a choice's target, its own or that of a file it extends."""
    file = catalog.load(path)
    entry = file.root.get("_target_") if file and path not in trail else None
    if entry:
        return str(entry[1].value)
    if file is None or path in trail:
        return ""
    above = [target_of(path, default, {}) for default in reversed(catalog.defaults(path)[0]) if default.choice is None]
    targets = (_target(catalog, extended, trail=(*trail, path)) for extended in above if extended)
    return next((target for target in targets if target), "")
