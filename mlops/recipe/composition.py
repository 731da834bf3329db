"""Compose a recipe: Hydra orders the files, this module merges them and remembers who set what.

Hydra's defaults list and override grammar decide; mistakes are collected instead of raised, each
with its place, so that one report holds them all.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra import version
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mlops.catalog import RECIPE, ROOT, Catalog, Default, near, target_of
from mlops.errors import Fault
from mlops.origin import KeyPath, Setting, dotted
from mlops.recipe.overrides import Given, parse_overrides, plain
from mlops.recipe.source import CatalogRepository, CatalogSource
from mlops.yaml_file import Node, Place

__all__ = ["Composition", "compose"]


@dataclass
class Composition:
    """A composed recipe before validation: merged values, who set them, and what is wrong so far."""

    raw: dict[str, Any] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    recipe: str = ""


@dataclass
class _Survey:
    """What reading every reachable file before composing found."""

    faults: list[Fault] = field(default_factory=list)
    skip: set[Default] = field(default_factory=set)
    entries: list[tuple[str, Default]] = field(default_factory=list)


def compose(catalog: Catalog, texts: Sequence[str]) -> Composition:
    """Compose the recipe that the overrides name; never raises for a mistake in a recipe."""
    result = Composition()
    given, result.faults = parse_overrides(texts, catalog)
    given = [g for g in given if not g.override.is_hydra_override()]
    chosen = {g.key: str(g.override.value()) for g in given if g.is_choice and not g.override.is_delete()}
    result.recipe = chosen.get(RECIPE, "")
    if not result.recipe:
        if not any(fault.key == RECIPE for fault in result.faults):
            result.faults.append(_no_recipe(catalog))
        return result
    survey = _survey(catalog, chosen)
    result.faults += survey.faults
    ordered = _order(catalog, given, survey)
    if ordered is not None:
        _merge_files(ordered, catalog, result)
    result.faults += [f for f in survey.faults if f not in result.faults]
    for item in given:
        if not item.is_choice:
            _apply(item, result)
    return result


def _no_recipe(catalog: Catalog) -> Fault:
    fix = f"add recipe=NAME; recipes are {', '.join(catalog.recipes())}"
    return Fault(RECIPE, "the command line", "no recipe was named", fix)


def _survey(catalog: Catalog, chosen: dict[str, str]) -> _Survey:
    survey = _Survey()
    _visit(catalog, ROOT, chosen, survey=survey, trail=())
    return survey


def _visit(catalog: Catalog, path: str, chosen: dict[str, str], *, survey: _Survey, trail: tuple[str, ...]) -> None:
    file = catalog.load(path)
    if file is None or any(path == seen for seen, _ in survey.entries):
        return
    entries, malformed = catalog.defaults(path)
    survey.faults += [*file.faults, *malformed]
    survey.entries += [(path, entry) for entry in entries] or [(path, Default(Place(file.name), "_self_"))]
    for entry in entries:
        if entry.group.startswith("hydra/"):
            survey.skip.add(entry)
            continue
        target = target_of(path, entry, chosen)
        fault = _entry_fault(catalog, entry, target, trail=(*trail, path))
        if fault:
            survey.faults.append(fault)
            survey.skip.add(entry)
        elif target is not None:
            _visit(catalog, target, chosen, survey=survey, trail=(*trail, path))


def _entry_fault(catalog: Catalog, entry: Default, target: str | None, *, trail: tuple[str, ...]) -> Fault | None:
    if target in trail:
        circle = " → ".join(name.removeprefix(f"{RECIPE}/") for name in (*trail[trail.index(target) :], target))
        return Fault(
            "defaults", str(entry.place), f"files extend one another in a circle: {circle}", "remove this entry"
        )
    wanted = entry.path if entry.choice is not None else target
    if wanted is None or entry.optional or entry.choice == "null" or catalog.locate(wanted):
        return None
    if entry.choice is None:
        folder, _, name = wanted.rpartition("/")
        fix = near(name, catalog.options(folder), what=f"in {folder} there are")
        return Fault("defaults", str(entry.place), f"there is no {folder} {name!r}", fix)
    key = f"defaults.{entry.group}"
    if not catalog.options(entry.group):
        fix = near(entry.group, catalog.groups(), what="groups are")
        return Fault(key, str(entry.place), f"there is no config group {entry.group!r}", fix)
    fix = near(entry.choice, catalog.options(entry.group), what="choices are")
    return Fault(key, str(entry.place), f"there is no {entry.group} {entry.choice!r}", fix)


def _order(catalog: Catalog, given: list[Given], survey: _Survey) -> DefaultsList | None:
    """Let Hydra order the files; on a refusal, blame one entry or override, leave it out, and try again."""
    version.setbase("1.3")
    for _ in range(1 + len(given) + len(survey.entries)):
        source = CatalogSource(catalog, skip=frozenset(survey.skip), bodies=False)
        try:
            return _defaults_list(source, given)
        except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as exc:
            fault, culprit = _blame(exc, given, survey)
        survey.faults.append(fault)
        if isinstance(culprit, Given):
            given.remove(culprit)
        elif culprit is not None:
            survey.skip.add(culprit)
        else:
            return None
    return None


def _defaults_list(source: CatalogSource, given: list[Given]) -> DefaultsList:
    repo = CachingConfigRepository(CatalogRepository(source))
    overrides = [item.override for item in given]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return create_defaults_list(repo, ROOT, overrides, prepend_hydra=False, skip_missing=False)


def _blame(exc: Exception, given: list[Given], survey: _Survey) -> tuple[Fault, Given | Default | None]:
    text = str(exc)
    message = text.splitlines()[0] if text else type(exc).__name__
    named = re.search(r"'([\w/@.]+)'\.? ?(?:No match|$|\n)|values for ([\w/@.]+)\.|^([\w/@.]+) appears", message)
    key = next((g for g in (named.groups() if named else ()) if g), "")
    for item in given:
        if item.is_choice and item.override.get_key_element().lstrip("+~") == key:
            fix = f"{near(key, sorted({e.group for _, e in survey.entries if e.group}))} (to add it: +{item.override.input_line})"
            return Fault(
                key, str(item.place), f"the recipe does not choose a {key!r}, so it cannot be changed", fix
            ), item
    for _, entry in reversed(survey.entries):
        if entry.choice is not None and entry.group == key.split("@")[0] and entry not in survey.skip:
            return Fault(f"defaults.{key}", str(entry.place), _entry_message(entry, message), _entry_fix(entry)), entry
    place = survey.entries[-1][1].place if survey.entries else Place("defaults")
    return Fault("defaults", place.file, message), None


def _entry_message(entry: Default, message: str) -> str:
    if "Multiple values" in message or "appears more than once" in message:
        return f"{entry.group} is already chosen by a file that this one extends"
    if "No match" in message:
        return f"overrides {entry.group}, which nothing above has chosen"
    return message


def _entry_fix(entry: Default) -> str:
    if entry.override:
        return f"write '{entry.group}: {entry.choice}' without override"
    return f"write 'override {entry.group}: {entry.choice}'"


def _merge_files(ordered: DefaultsList, catalog: Catalog, result: Composition) -> None:
    for default in ordered.defaults:
        file = catalog.load(default.config_path) if default.config_path else None
        if file is None:
            continue
        package = tuple((default.package or "").split(".")) if default.package else ()
        target = result.raw
        for key in package:
            target = target.setdefault(key, {})
        body = {k: v for k, v in (file.root.items or {}).items() if k not in ("defaults", "hydra")}
        root = Node(file.root.place, items=body)
        _merge(target, root, package, into=result.settings)


def _merge(target: dict[str, Any], node: Node, path: KeyPath, *, into: list[Setting]) -> None:
    """Merge a mapping: mappings merge key by key, lists and values replace."""
    for key, (place, child) in (node.items or {}).items():
        here = (*path, key)
        if child.items is not None:
            into.append(Setting(here, place, child.data()))
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], child, here, into=into)
        else:
            value = child.data()
            if value == "???" and target.get(key) is not None:
                continue
            target[key] = value
            into.append(Setting(here, place, value))
            into.extend(Setting((*here, *p), at, n.data()) for p, at, n in child.places())


def _apply(given: Given, result: Composition) -> None:
    """Apply one value override; unknown keys are left for the strict validation to refuse."""
    path = tuple(part for part in re.split(r"[.\[\]]", given.key) if part)
    parent: Any = result.raw
    for depth, key in enumerate(path[:-1]):
        parent = _step(parent, key, create=not given.override.is_delete())
        if not isinstance(parent, dict | list):
            result.faults.append(_blocked(given, path, depth=depth, found=parent))
            return
    if given.override.is_delete():
        _delete(given, parent, path, result=result)
    elif given.override.is_add() and not given.override.is_force_add() and _has(parent, path[-1]):
        message = "is already set; '+' adds new keys only"
        fault = Fault(given.key, str(given.place), message, f"write {str(given.override.input_line).lstrip('+')}")
        result.faults.append(fault)
    else:
        _set(parent, path, plain(given.override.value()), place=given.place, result=result)


def _step(parent: Any, key: str, *, create: bool) -> Any:
    if isinstance(parent, list):
        return parent[int(key)] if key.isdigit() and int(key) < len(parent) else None
    return parent.setdefault(key, {}) if create and isinstance(parent, dict) else parent.get(key)


def _has(parent: Any, key: str) -> bool:
    return key in parent if isinstance(parent, dict) else key.isdigit() and int(key) < len(parent)


def _blocked(given: Given, path: KeyPath, *, depth: int, found: Any) -> Fault:
    above = dotted(path[: depth + 1])
    reference = re.fullmatch(r"\$\{([\w.]+)\}", found) if isinstance(found, str) else None
    if reference:
        fix = f"write {reference[1]}.{dotted(path[depth + 1 :])}={given.override.get_value_element_as_str()}"
        return Fault(given.key, str(given.place), f"{above} refers to {found}", fix)
    return Fault(given.key, str(given.place), f"{above} holds no keys (it is {found!r})", f"set {above} itself")


def _delete(given: Given, parent: Any, path: KeyPath, *, result: Composition) -> None:
    if not _has(parent, path[-1]):
        options = list(parent) if isinstance(parent, dict) else []
        fault = Fault(given.key, str(given.place), "cannot be removed: it is not set", near(path[-1], options))
        result.faults.append(fault)
    else:
        del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]


def _set(parent: Any, path: KeyPath, value: Any, *, place: Place, result: Composition) -> None:
    key = path[-1]
    result.settings.append(Setting(path, place, value))
    if isinstance(parent, list):
        if not key.isdigit() or int(key) >= len(parent):
            message = f"the list has {len(parent)} items, 0 to {len(parent) - 1}"
            result.faults.append(Fault(dotted(path), str(place), message))
            return
        parent[int(key)] = value
    elif isinstance(value, dict) and isinstance(parent.get(key), dict):
        for inner, item in value.items():
            _set(parent[key], (*path, inner), item, place=place, result=result)
    else:
        parent[key] = value
