"""Guarded YAML: text → a tree that knows where each key was written, or faults.

Everything that a recipe is made of is read here and nowhere else. The reader never builds
Python objects, expands aliases only within limits, and refuses what YAML would silently accept.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops.errors import Fault
from mlops.yaml_node import Node, Place, plain_value
from mlops.yaml_syntax import place_of, syntax_fault
from mlops.yaml_tree import Builder, Refused

__all__ = ["Node", "Place", "YamlFile", "parse", "plain_value", "read"]

MAX_BYTES = 1_000_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YamlFile:
    """One parsed file: its name as shown to people, its text, its tree, and what is wrong with it."""

    name: str
    text: str
    root: Node
    faults: tuple[Fault, ...] = ()
    broken: bool = False
    """Whether its content could not be read at all, so that nothing is known of its keys."""


def parse(text: str, name: str) -> YamlFile:
    """Parse YAML text under the guard; what is wrong comes back as faults, never as an exception."""
    builder = Builder(name)
    try:
        root = _root(text, builder)
    except Refused as refused:
        return _broken(name, text, *builder.faults, refused.fault)
    except yaml.YAMLError as exc:
        return _broken(name, text, *builder.faults, syntax_fault(exc, name, text))
    except UnicodeEncodeError as exc:
        fault = Fault("", str(place_of(name, text, exc.start)), "holds half a character", "save the file as UTF-8")
        return _broken(name, text, fault)
    return YamlFile(name, text, root, tuple(builder.faults))


def _root(text: str, builder: Builder) -> Node:
    if len(text) > MAX_BYTES:
        raise Refused(Place(builder.name, 1, 1), f"larger than {MAX_BYTES:,} bytes")
    for event in yaml.parse(text, Loader=_Loader):
        builder.feed(event)
        if len(builder.documents) > 1:
            raise Refused(builder.documents[1].place, "a second YAML document in one file", "remove the line '---'")
    root = builder.documents[0] if builder.documents else _empty(builder.name)
    if root.is_scalar and root.value is None:
        return _empty(builder.name)
    if root.items is None:
        kind = "a list" if root.elements is not None else "a single value"
        message = f"the file must hold a mapping of keys to values, not {kind}"
        raise Refused(root.place, message, "write 'key: value' lines")
    return root


def read(path: Path, name: str) -> YamlFile:
    """Read and parse a file; unreadable ones come back with a fault."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return _broken(name, "", Fault("", name, "is a folder, a file was expected", "remove or rename the folder"))
        if not stat.S_ISREG(status.st_mode):
            return _broken(name, "", Fault("", name, "is not an ordinary file", "put a text file in its place"))
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as exc:
        message = f"cannot be read: {exc.strerror or exc}"
        return _broken(name, "", Fault("", name, message, "see that you may read the file"))
    if len(raw) > MAX_BYTES:
        fault = Fault("", name, f"larger than {MAX_BYTES:,} bytes", "a recipe holds settings, not data")
        return _broken(name, "", fault)
    try:
        return parse(raw.decode("utf-8"), name)
    except UnicodeDecodeError as exc:
        place = place_of(name, raw[: exc.start].decode("utf-8"), exc.start)
        return _broken(name, "", Fault("", str(place), "is not valid UTF-8", "save the file as UTF-8"))


def _broken(name: str, text: str, *faults: Fault) -> YamlFile:
    return YamlFile(name, text, _empty(name), faults, broken=True)


def _empty(name: str) -> Node:
    return Node(Place(name, 1, 1), items={})
