"""Which file:line:column, or which override, set each key of a recipe, in order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops.yaml_file import Place

__all__ = ["KeyPath", "Origins", "Setting", "dotted"]

KeyPath = tuple[str, ...]

_WHOLE = re.compile(r"\$\{(\.*)([A-Za-z_][\w.\[\]]*)\}")


def dotted(path: Iterable[str]) -> str:
    """Write a key path as people do."""
    return ".".join(path)


@dataclass(frozen=True)
class Setting:
    """One act of setting a key."""

    path: KeyPath
    place: Place
    value: Any
    """As written: interpolations are not resolved."""


class Origins:
    """Every setting of a recipe, first to last, and the raw values they left behind."""

    def __init__(self, settings: Iterable[Setting], raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._by_path: dict[KeyPath, list[tuple[int, Setting]]] = {}
        for order, setting in enumerate(settings):
            self._by_path.setdefault(setting.path, []).append((order, setting))

    def follow(self, path: KeyPath) -> KeyPath:
        """Follow whole-value interpolations: ``train.model.lr`` is ``model.lr`` when model is ``${model}``."""
        for _ in range(20):
            redirected = self._redirect(path)
            if redirected is None:
                return path
            path = redirected
        return path

    def _redirect(self, path: KeyPath) -> KeyPath | None:
        node: Any = self._raw
        for depth, key in enumerate(path):
            node = _child(node, key)
            found = _WHOLE.fullmatch(node) if isinstance(node, str) else None
            if found and depth < len(path) - 1:
                target = tuple(found[2].replace("[", ".").replace("]", "").split("."))
                dots = len(found[1])
                return (
                    (*path[: depth + 1 - dots], *target, *path[depth + 1 :]) if dots else (*target, *path[depth + 1 :])
                )
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
        return found[0][1].place if found else Place("(not written anywhere)")

    def also(self, path: KeyPath) -> tuple[str, ...]:
        """List the other places that set a key, first to last, the winner left out."""
        last = self.place(path)
        return tuple(dict.fromkeys(str(s.place) for s in self.settings(path) if s.place != last))

    def paths(self) -> list[KeyPath]:
        """List every key that was ever set."""
        return list(self._by_path)


def _child(node: Any, key: str) -> Any:
    if isinstance(node, Mapping):
        return node.get(key)
    if isinstance(node, list) and key.isdigit() and int(key) < len(node):
        return node[int(key)]
    return None
