"""Read every file that a recipe may draw on, before any is composed, and find what is wrong with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mlops.catalog import RECIPE, ROOT, Catalog, Default, near, target_of
from mlops.errors import Fault
from mlops.origin import KeyPath, dotted
from mlops.yaml_file import YamlFile

__all__ = ["Survey", "package_of", "survey"]


@dataclass
class Survey:
    """What reading every reachable file found."""

    faults: list[Fault] = field(default_factory=list)
    skip: set[Default] = field(default_factory=set)
    """Entries to leave out of composing."""

    entries: list[tuple[str, Default]] = field(default_factory=list)
    """Config path → entry of its defaults list, in order of reading."""

    unknown: set[KeyPath] = field(default_factory=set)
    """Sections whose content could not be read."""

    incomplete: bool = False
    """Whether a file that may set any key could not be read."""

    paths: list[str] = field(default_factory=list)
    """Config paths read so far."""

    def lose(self, package: KeyPath) -> None:
        """Count the content of a section as unknown; that of the top as a part of everything."""
        if package:
            self.unknown.add(package)
        else:
            self.incomplete = True


def survey(catalog: Catalog, chosen: Mapping[str, str]) -> Survey:
    """Read every file that is reachable from the primary config.

    Args:
        catalog: the project's files.
        chosen: group → choice given on the command line, which replaces the written one.
    """
    found = Survey()
    _visit(catalog, ROOT, chosen, found=found, trail=(), package=())
    return found


def package_of(entry: Default) -> KeyPath:
    """Say which section a group entry fills."""
    group, _, package = entry.text.split(" ")[-1].partition("@")
    if package:
        return () if package == "_global_" else tuple(package.split("."))
    return tuple(group.strip("/").split("/")) if entry.choice is not None and entry.group != RECIPE else ()


def _visit(
    catalog: Catalog,
    path: str,
    chosen: Mapping[str, str],
    *,
    found: Survey,
    trail: tuple[str, ...],
    package: KeyPath,
) -> None:
    file = catalog.load(path)
    if file is None or path in found.paths:
        return
    found.paths.append(path)
    entries, malformed = catalog.defaults(path)
    found.faults += [*_within(file, package), *malformed]
    if file.broken or malformed:
        found.lose(package)
    for entry in entries:
        found.entries.append((path, entry))
        if entry.group.startswith("hydra/"):
            found.skip.add(entry)
            continue
        target = target_of(path, entry, dict(chosen))
        fault = _entry_fault(catalog, entry, target, trail=(*trail, path))
        if entry.missing and entry.group != RECIPE and entry.group not in chosen:
            fault = _open_choice(catalog, entry)
        if fault:
            found.faults.append(fault)
            found.skip.add(entry)
            found.lose(package_of(entry))
        elif target is not None:
            _visit(catalog, target, chosen, found=found, trail=(*trail, path), package=package_of(entry))


def _open_choice(catalog: Catalog, entry: Default) -> Fault:
    fix = f"add {entry.group}=NAME; choices of {entry.group} are {', '.join(catalog.options(entry.group))}"
    return Fault(f"defaults.{entry.group}", str(entry.place), "is left to be chosen", fix)


def _within(file: YamlFile, package: KeyPath) -> list[Fault]:
    """Give a file's faults with their keys as the recipe has them."""
    return [replace(f, key=dotted((*package, f.key))) if f.key and package else f for f in file.faults]


def _entry_fault(catalog: Catalog, entry: Default, target: str | None, *, trail: tuple[str, ...]) -> Fault | None:
    if target is not None and target.removesuffix(".yaml") in trail:
        name = target.removesuffix(".yaml")
        circle = " → ".join(item.removeprefix(f"{RECIPE}/") for item in (*trail[trail.index(name) :], name))
        what = "the file extends itself" if trail[-1] == name else f"files extend one another in a circle: {circle}"
        return Fault("defaults", str(entry.place), what, "remove this entry")
    wanted = entry.path if entry.choice is not None else target
    if wanted is None or entry.optional or catalog.locate(wanted):
        return None
    if entry.choice is None:
        if "/" not in wanted:
            return Fault("defaults", str(entry.place), f"there is no file conf/{wanted}.yaml", "remove this entry")
        group, _, name = (
            (RECIPE, "", wanted.removeprefix(f"{RECIPE}/"))
            if wanted.startswith(f"{RECIPE}/")
            else wanted.rpartition("/")
        )
        return Fault("defaults", str(entry.place), *catalog.absence(group, name))
    key = f"defaults.{entry.group}"
    if not catalog.options(entry.group):
        fix = near(entry.group, catalog.groups(), what="groups are")
        return Fault(key, str(entry.place), f"there is no config group {entry.group!r}", fix)
    return Fault(key, str(entry.place), *catalog.absence(entry.group, entry.choice))
