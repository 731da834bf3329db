"""Merge files and overrides into one tree of values, each setting with its place."""

from __future__ import annotations

import re
from typing import Any

from hydra._internal.defaults_list import DefaultsList

from mlops.catalog import Catalog, near
from mlops.errors import Fault
from mlops.origin import KeyPath, Setting, dotted, key_path
from mlops.recipe.overrides import Given, plain
from mlops.services.space import is_mark
from mlops.yaml_node import Node, Place

__all__ = ["amend", "merge_files", "put"]


def merge_files(ordered: DefaultsList, catalog: Catalog, raw: dict[str, Any], *, into: list[Setting]) -> None:
    """Merge files in order into ``raw``: mappings key by key, lists and values replace."""
    for default in ordered.defaults:
        file = catalog.load(default.config_path) if default.config_path else None
        if file is None:
            continue
        body = {k: v for k, v in (file.root.items or {}).items() if k not in ("defaults", "hydra")}
        root = Node(file.root.place, items=body)
        package = tuple(default.package.split(".")) if default.package else ()
        target = raw
        for depth, key in enumerate(package, start=1):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            into.append(Setting(package[:depth], root.place, root.data() if depth == len(package) else {}))
            target = target[key]
        _merge(target, root, package, into=into)


def _merge(target: dict[str, Any], node: Node, path: KeyPath, *, into: list[Setting]) -> None:
    for key, (place, child) in (node.items or {}).items():
        here = (*path, key)
        if child.items is not None:
            into.append(Setting(here, place, child.data()))
            if not isinstance(target.get(key), dict) or is_mark(child.data()):
                target[key] = {}
            _merge(target[key], child, here, into=into)
            continue
        value = child.data()
        if value == "???" and target.get(key) is not None:
            continue
        target[key] = value
        into.append(Setting(here, place, value))
        into.extend(Setting((*here, *inner), at, item.data()) for inner, at, item in child.places())


def amend(given: Given, raw: dict[str, Any], *, into: list[Setting]) -> Fault | None:
    """Apply one value override; unknown keys are left for the strict validation to refuse."""
    path = key_path(given.key)
    parent: Any = raw
    for depth, key in enumerate(path[:-1]):
        if not given.override.is_delete() and isinstance(parent, dict) and parent.get(key) is None:
            parent[key] = {}
            into.append(Setting(path[: depth + 1], given.place, {}))
        found = _child(parent, key)
        if not isinstance(found, dict | list):
            return _blocked(given, path, depth=depth, found=found, parent=parent)
        parent = found
    if given.override.is_delete():
        return _delete(given, parent, path, into=into)
    if given.override.is_add() and not given.override.is_force_add() and _has(parent, path[-1]):
        message = "is already set; '+' adds new keys only"
        return Fault(given.key, str(given.place), message, f"write {str(given.override.input_line).lstrip('+')}")
    return _set(parent, path, plain(given.override.value()), place=given.place, into=into)


def _child(parent: Any, key: str) -> Any:
    if isinstance(parent, list):
        return parent[int(key)] if key.isdigit() and int(key) < len(parent) else None
    return parent.get(key)


def _has(parent: Any, key: str) -> bool:
    return key in parent if isinstance(parent, dict) else key.isdigit() and int(key) < len(parent)


def _blocked(given: Given, path: KeyPath, *, depth: int, found: Any, parent: Any) -> Fault:
    above = dotted(path[: depth + 1])
    reference = re.fullmatch(r"\$\{([\w.]+)\}", found) if isinstance(found, str) else None
    if reference:
        fix = f"write {reference[1]}.{dotted(path[depth + 1 :])}={given.override.get_value_element_as_str()}"
        return Fault(given.key, str(given.place), f"{above} refers to {found}", fix)
    if isinstance(parent, list):
        return _no_item(given, parent)
    if found is None:
        return _not_set(given, path[: depth + 1], list(parent))
    return Fault(given.key, str(given.place), f"{above} holds no keys (it is {found!r})", f"set {above} itself")


def _no_item(given: Given, items: list[Any]) -> Fault:
    span = f"0 to {len(items) - 1}" if items else "none"
    fix = f"its items are {span}; to add one, write the whole list"
    return Fault(given.key, str(given.place), f"the list has {len(items)} items", fix)


def _not_set(given: Given, path: KeyPath, options: list[str]) -> Fault:
    return Fault(given.key, str(given.place), "cannot be removed: it is not set", near(path[-1], options))


def _delete(given: Given, parent: Any, path: KeyPath, *, into: list[Setting]) -> Fault | None:
    if not _has(parent, path[-1]):
        return _not_set(given, path, list(parent) if isinstance(parent, dict) else [])
    key: Any = int(path[-1]) if isinstance(parent, list) else path[-1]
    wanted = plain(given.override.value())
    if wanted not in ("", None) and wanted != parent[key]:
        message = f"cannot be removed: its value is {parent[key]!r}, not {wanted!r}"
        return Fault(given.key, str(given.place), message, f"write ~{given.key}")
    del parent[key]
    into.append(Setting(path, given.place, None))
    return None


def _set(parent: Any, path: KeyPath, value: Any, *, place: Place, into: list[Setting]) -> Fault | None:
    key = path[-1]
    if isinstance(parent, list):
        if not key.isdigit() or int(key) >= len(parent):
            span = f"0 to {len(parent) - 1}" if parent else "none"
            fix = f"its items are {span}; to add one, write the whole list"
            return Fault(dotted(path), str(place), f"the list has {len(parent)} items", fix)
        parent[int(key)] = value
        into.append(Setting(path, place, value))
        return None
    into.append(Setting(path, place, value))
    if isinstance(value, dict) and isinstance(parent.get(key), dict) and not is_mark(value):
        for inner, item in value.items():
            _set(parent[key], (*path, inner), item, place=place, into=into)
    else:
        parent[key] = value
    return None


def put(raw: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set the value at a path, making the mappings that lead there; items of lists must be there."""
    node: Any = raw
    for key in path[:-1]:
        found = _child(node, key)
        if not isinstance(found, dict | list) and isinstance(node, dict):
            node[key] = {}
        node = _child(node, key)
    if isinstance(node, list):
        node[int(path[-1])] = value
    elif isinstance(node, dict):
        node[path[-1]] = value
