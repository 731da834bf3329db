"""Resolve references between keys; environment variables stay references until the moment of use.

Allowed are ``${key}``, ``${.sibling}``, ``${a.${b}}`` and ``${oc.env:NAME}`` or ``${oc.env:NAME,default}``
with an upper-case NAME; every other resolver is refused, so that nothing in a recipe computes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from mlops.errors import Fault
from mlops.origin import KeyPath, Origins, dotted, key_path
from mlops.recipe.reference import (
    Environment,
    Malformed,
    Piece,
    Reference,
    first_keys,
    pieces,
    target_of,
    variables,
)
from mlops.yaml_node import plain_value

__all__ = ["Resolution", "resolve"]

MAX_VALUES = 50_000
"""Most values that references may expand to, in all."""

MAX_TEXT = 100_000
"""Longest text that references may add up to."""

MAX_DEPTH = 60


@dataclass
class Resolution:
    """The resolved values with secrets as references, the secrets, and what went wrong."""

    values: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    """Variable → value, of every variable the recipe refers to."""

    faults: list[Fault] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """First key of every reference: sections that something reads."""

    holes: set[KeyPath] = field(default_factory=set)
    """Keys without a value because a reference failed; each is None in the values."""


class _Unresolved(Exception):
    """A reference failed; the fault, if it is not one that another key reports."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        super().__init__()


@dataclass
class _Resolver:
    raw: Mapping[str, Any]
    origins: Origins
    unknown: frozenset[KeyPath]
    """Keys whose content could not be read; references into them are not blamed."""

    found: Resolution
    done: dict[KeyPath, Any] = field(default_factory=dict)
    failed: set[KeyPath] = field(default_factory=set)
    busy: list[KeyPath] = field(default_factory=list)
    count: int = 0

    def value(self, node: Any, path: KeyPath) -> Any:
        """Resolve what stands at a path; parts of it that fail become None and holes."""
        self.one_more(path)
        if isinstance(node, Mapping):
            return {key: self.safely(item, (*path, str(key))) for key, item in node.items()}
        if isinstance(node, list):
            return [self.safely(item, (*path, str(index))) for index, item in enumerate(node)]
        return self.text(node, path) if isinstance(node, str) and "${" in node else node

    def safely(self, node: Any, path: KeyPath) -> Any:
        try:
            return self.value(node, path)
        except _Unresolved as exc:
            if exc.fault is not None and exc.fault not in self.found.faults:
                self.found.faults.append(exc.fault)
            self.found.holes.add(path)
            return None

    def text(self, text: str, path: KeyPath) -> Any:
        """Resolve one text, once."""
        if path in self.failed:
            raise _Unresolved
        if path in self.done:
            return self.again(self.done[path], path)
        if path in self.busy or len(self.busy) > MAX_DEPTH:
            raise _Unresolved(self.circle(path))
        self.busy.append(path)
        try:
            self.done[path] = self.joined(text, path)
        except Malformed as exc:
            self.failed.add(path)
            raise _Unresolved(self.fault(path, exc.message, exc.fix)) from exc
        except _Unresolved:
            self.failed.add(path)
            raise
        finally:
            self.busy.pop()
        return self.done[path]

    def again(self, value: Any, path: KeyPath) -> Any:
        """Give a resolved value once more, counted as often as it is used."""
        if isinstance(value, Mapping):
            return {key: self.again(item, path) for key, item in value.items()}
        if isinstance(value, list):
            return [self.again(item, path) for item in value]
        self.one_more(path)
        return value

    def one_more(self, path: KeyPath) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            first = self.count == MAX_VALUES + 1
            message = f"references expand to more than {MAX_VALUES:,} values"
            raise _Unresolved(self.fault(path, message, "refer to fewer sections") if first else None)

    def joined(self, text: str, path: KeyPath) -> Any:
        """Put the pieces of a text together; a text that is one reference gives the very value."""
        parts = pieces(text)
        self.found.secrets.update({name: os.environ[name] for name in variables(parts) if name in os.environ})
        if len(parts) == 1:
            return self.piece(parts[0], path)
        values = [self.piece(part, path) for part in parts]
        if any(isinstance(value, Mapping | list) for value in values):
            raise _Unresolved(self.fault(path, f"{text} puts a whole section into a text", "refer to one key of it"))
        made = "".join(str(value) for value in values)
        if len(made) > MAX_TEXT:
            raise _Unresolved(self.fault(path, f"references add up to more than {MAX_TEXT:,} letters"))
        return made

    def piece(self, piece: Piece, path: KeyPath) -> Any:
        if isinstance(piece, str):
            return piece
        return self.variable(piece, path) if isinstance(piece, Environment) else self.reference(piece, path)

    def variable(self, wanted: Environment, path: KeyPath) -> Any:
        if wanted.name in os.environ:
            return f"${{oc.env:{wanted.name}}}"
        if wanted.default is None:
            message = f"the environment variable {wanted.name} is not set"
            fix = f"export {wanted.name}=…, or write ${{oc.env:{wanted.name},default}}"
            raise _Unresolved(self.fault(path, message, fix))
        return wanted.default if wanted.quoted else plain_value(wanted.default)

    def reference(self, wanted: Reference, path: KeyPath) -> Any:
        written = "".join(str(self.piece(piece, path)) for piece in wanted.body)
        if "${oc.env:" in written:
            raise _Unresolved(self.fault(path, "the name of a key cannot come from the environment"))
        target = target_of(written, path)
        if target is None:
            raise self.missing(written, path)
        if any(hole and target[: len(hole)] == hole for hole in self.unknown):
            raise _Unresolved  # what is written there is not all there is
        made = self.at(target, written, path=path)
        self.found.holes |= {
            (*path, *hole[len(target) :]) for hole in self.found.holes if hole[: len(target)] == target
        }
        return made

    def at(self, target: KeyPath, written: str, *, path: KeyPath) -> Any:
        """Find and resolve the value of a key, through references on the way."""
        node: Any = self.raw
        resolved = False
        for depth, key in enumerate(target):
            if not resolved and isinstance(node, str) and "${" in node:
                node, resolved = self.text(node, target[:depth]), True
            index = _index(node, key)
            if index is None:
                raise self.missing(written, path, target=target)
            node = node[index]
        if node == "???":
            raise _Unresolved  # the key itself is reported
        return node if resolved else self.value(node, target)

    def missing(self, written: str, path: KeyPath, *, target: KeyPath = ()) -> _Unresolved:
        """Make the failure of a reference to nothing, without a fault where the key's file could not be read."""
        if any(target[: len(hole)] == hole for hole in (*self.unknown, *self.found.holes)):
            return _Unresolved()
        name = dotted(target) if target else written
        known = [dotted(key) for key in self.origins.paths() if self.may_be_meant(key, path)]
        match = get_close_matches(name, [key for key in known if not name.startswith(f"{key}.")], n=1, cutoff=0.55)
        self.found.used.update(key_path(match[0])[:1] if match else ())
        fix = f"did you mean {match[0]!r}?" if match else "name a key that is written in this recipe"
        state = "was removed" if target and self.origins.settings(target) else "is not set"
        return _Unresolved(self.fault(path, f"refers to {written}, which {state}", fix))

    def may_be_meant(self, key: KeyPath, path: KeyPath) -> bool:
        """Tell whether a key that was set is still there, and is neither a target nor the referring key."""
        node: Any = self.raw
        for part in key:
            index = _index(node, part)
            if index is None:
                return False
            node = node[index]
        return key[: len(path)] != path and key[-1] != "_target_"

    def circle(self, path: KeyPath) -> Fault | None:
        """Blame one key for a circle, whichever was met first."""
        if path not in self.busy:
            return self.fault(path, f"references lead on through more than {MAX_DEPTH} keys")
        names = " → ".join(dotted(key) for key in (*self.busy[self.busy.index(path) :], path))
        return self.fault(path, f"refers to itself in a circle: {names}", "give one of them a value")

    def fault(self, path: KeyPath, message: str, fix: str = "") -> Fault:
        return Fault(dotted(path), str(self.origins.place(path)), message, fix, self.origins.also(path))


def resolve(raw: Mapping[str, Any], origins: Origins, *, unknown: frozenset[KeyPath] = frozenset()) -> Resolution:
    """Resolve every reference of a composed recipe; each failure is one fault with its place."""
    found = Resolution({}, used=set(_read(raw)))
    resolver = _Resolver(raw, origins, unknown, found)
    found.values = {key: resolver.safely(node, (key,)) for key, node in raw.items()}
    return found


def _index(node: Any, key: str) -> Any:
    """Say how to take a key out of a mapping or list; None when it is not there."""
    if isinstance(node, Mapping):
        return key if key in node else None
    if isinstance(node, list) and key.removeprefix("-").isdigit() and -len(node) <= int(key) < len(node):
        return int(key)
    return None


def _read(node: Any) -> Iterator[str]:
    """Name the first key of every reference in raw values."""
    if isinstance(node, Mapping | list):
        for item in node.values() if isinstance(node, Mapping) else node:
            yield from _read(item)
    elif isinstance(node, str) and "${" in node:
        try:
            yield from first_keys(pieces(node))
        except Malformed:
            yield from re.findall(r"\$\{([\w-]+)", node)
