"""Which file:line:column, or which override, set each key of a recipe, in order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops.errors import Fault
from mlops.yaml_node import Place

__all__ = ["KeyPath", "Origins", "Setting", "dotted", "in_order", "key_path"]

KeyPath = tuple[str, ...]

_WHOLE = re.compile(r"\$\{\s*(\.*)([^\s.${}:'\"][^\s${}:'\"]*)\s*\}")
_POSITION = re.compile(r"(?P<file>.+):(?P<line>\d+):(?P<column>\d+)")
_OVERRIDE = re.compile(r"override (?P<number>\d+) on the command line")
_MOST_HOPS = 50


def dotted(path: Iterable[str]) -> str:
    """Write a key path as people do."""
    return ".".join(path)


def key_path(text: str) -> KeyPath:
    """Read a key as people write it: ``a.b``, ``a[0].b``."""
    return tuple(part for part in re.split(r"[.\[\]]", text) if part)


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Order faults by file, line and column, the project's files first, then by override; repeats are dropped."""
    return sorted(dict.fromkeys(faults), key=lambda fault: _rank(fault.where))


def _rank(where: str) -> tuple[int, str, int, int]:
    override = _OVERRIDE.fullmatch(where)
    if override:
        return 2, "", int(override["number"]), 0
    if where == "the command line":
        return 3, "", 0, 0
    found = _POSITION.fullmatch(where)
    file = found["file"] if found else where
    packaged = int(file.startswith("mlops:"))
    return (packaged, file, int(found["line"]), int(found["column"])) if found else (packaged, file, 0, 0)


@dataclass(frozen=True)
class Setting:
    """One act of setting a key."""

    path: KeyPath
    place: Place
    value: Any
    """As written: interpolations are not resolved."""


class Origins:
    """Every setting of a recipe, first to last, and the raw values they left behind.

    Args:
        settings: first to last.
        raw: the merged values, references not resolved.
        home: stands for the place of what is written nowhere: the top of the recipe.
    """

    def __init__(self, settings: Iterable[Setting], raw: Mapping[str, Any], *, home: Place | None = None) -> None:
        self._raw = raw
        self._home = home or Place("(not written anywhere)")
        self._by_path: dict[KeyPath, list[tuple[int, Setting]]] = {}
        for order, setting in enumerate(settings):
            self._by_path.setdefault(setting.path, []).append((order, setting))

    def follow(self, path: KeyPath) -> KeyPath:
        """Follow whole-value references: ``train.model.lr`` is ``model.lr`` when train.model is ``${model}``."""
        for _ in range(_MOST_HOPS):
            redirected = self._redirect(path)
            if redirected is None:
                return path
            path = redirected
        return path

    def _redirect(self, path: KeyPath) -> KeyPath | None:
        node: Any = self._raw
        for depth, key in enumerate(path[:-1]):
            node = _child(node, key)
            target = _target(node, path[: depth + 1])
            if target is not None:
                return (*target, *path[depth + 1 :])
        return None

    def settings(self, path: KeyPath) -> list[Setting]:
        """List what set a key, first to last; the last one won."""
        return [setting for _, setting in self._by_path.get(self.follow(path), [])]

    def place(self, path: KeyPath) -> Place:
        """Say where a key got its value: its own last setting, or that of the nearest key above it."""
        path = self.follow(path)
        found = self._by_path.get(path, [])[-1:]
        for length in range(len(path) - 1, 0, -1):
            above = self._by_path.get(path[:length], [])[-1:]
            if above and (not found or (above[0][0] > found[0][0] and not isinstance(above[0][1].value, Mapping))):
                found = above
        return found[0][1].place if found else self._home

    def also(self, path: KeyPath, *, referred: bool = True) -> tuple[str, ...]:
        """List the other places that had a say in a key, first to last.

        They are those that set it before and, when ``referred``, where the key that it refers to is set.
        """
        path = self.follow(path)
        last = self.place(path)
        places = [setting.place for setting in self.settings(path)]
        target = _target(self._value(path), path)
        if referred and target is not None and self.follow(target) in self._by_path:
            places.append(self.place(target))
        return tuple(dict.fromkeys(str(place) for place in places if place != last))

    def paths(self) -> list[KeyPath]:
        """List every key that was ever set."""
        return list(self._by_path)

    def _value(self, path: KeyPath) -> Any:
        node: Any = self._raw
        for key in path:
            node = _child(node, key)
        return node


def _target(node: Any, path: KeyPath) -> KeyPath | None:
    """Say where a whole-value reference at ``path`` points; None when the value is none."""
    found = _WHOLE.fullmatch(node) if isinstance(node, str) else None
    if found is None:
        return None
    dots, target = len(found[1]), key_path(found[2])
    return (*path[:-dots], *target) if dots else target


def _child(node: Any, key: str) -> Any:
    if isinstance(node, Mapping):
        return node.get(key)
    if isinstance(node, list) and key.isdigit() and int(key) < len(node):
        return node[int(key)]
    return None
