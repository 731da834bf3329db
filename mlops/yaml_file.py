"""Guarded YAML: text → a tree that knows where each key was written, or faults.

Everything that a recipe is made of is read here and nowhere else. The reader never builds
Python objects, expands aliases only within limits, and refuses what YAML would silently accept.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops.errors import Fault
from mlops.yaml_node import Node, Place, plain_value

__all__ = ["Node", "Place", "YamlFile", "parse", "plain_value", "read"]

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
MAX_DEPTH = 50

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAG = "tag:yaml.org,2002:str"
_NO_TAG = (None, "!")
_PARTLY_OPEN = {
    "quoted scalar": ("a quote", "add the closing quote"),
    "flow sequence": ("a bracket [", "add the closing ]"),
    "flow mapping": ("a brace {", "add the closing }"),
}
"""What the parser was reading when it met the end of something never closed, in words, and the fix."""


@dataclass(frozen=True)
class YamlFile:
    """One parsed file: its name as shown to people, its text, its tree, and what is wrong with it."""

    name: str
    text: str
    root: Node
    faults: tuple[Fault, ...] = ()
    broken: bool = False
    """Whether its content could not be read at all, so that nothing is known of its keys."""


class _Refused(Exception):  # noqa: N818 - control flow inside this module, never seen outside
    def __init__(self, place: Place, message: str, fix: str = "") -> None:
        self.fault = Fault("", str(place), message, fix)
        super().__init__(message)


@dataclass
class _Open:
    """A list or mapping that is being read."""

    node: Node
    anchor: str | None
    key: tuple[str | None, Place] | None = None
    """The key whose value comes next; its name is None for the merge key."""

    merged: set[str] = field(default_factory=set)
    """Keys that came from a merge, which keys of its own replace."""


@dataclass
class _Builder:
    """Builds the tree from parser events with a stack, so that no depth can exhaust ours."""

    name: str
    faults: list[Fault] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    documents: list[Node] = field(default_factory=list)
    nodes: int = 0
    """Values so far, with all that aliases and merges repeat."""

    events: int = 0

    def place(self, mark: Any) -> Place:
        return Place(self.name, mark.line + 1, mark.column + 1)

    def feed(self, event: Any) -> None:
        self.events += 1
        if isinstance(event, yaml.ScalarEvent):
            self.scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self.open(Node(self.place(event.start_mark), items={}), event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self.open(Node(self.place(event.start_mark), elements=[]), event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.close()

    def count(self, size: int, place: Place) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise _Refused(place, f"expands to more than {MAX_NODES:,} values", "remove the repeated aliases")

    def scalar(self, event: Any) -> None:
        place = self.place(event.start_mark)
        if event.tag not in (*_NO_TAG, _TEXT_TAG):
            raise _Refused(place, f"the tag {_short_tag(event.tag)} is not allowed", "write plain YAML without tags")
        is_text = bool(event.style) or event.tag is not None
        self.count(1, place)
        node = Node(place, event.value if is_text else plain_value(event.value))
        self.add(node, event.anchor, word=event.value if node.value is not None else None, merges=not is_text)

    def alias(self, event: Any) -> None:
        place = self.place(event.start_mark)
        node = self.anchors.get(event.anchor)
        if node is None:
            message = f"the alias *{event.anchor} has no anchor above it (or refers to itself)"
            raise _Refused(place, message, f"write &{event.anchor} before the value that it repeats")
        self.count(node.size, place)
        word = str(node.value) if node.is_scalar and node.value is not None else None
        self.add(node, None, word=word)

    def open(self, node: Node, event: Any) -> None:
        if event.tag not in _NO_TAG:
            message = f"the tag {_short_tag(event.tag)} is not allowed"
            raise _Refused(node.place, message, "write plain YAML without tags")
        if len(self.stack) >= MAX_DEPTH:
            raise _Refused(node.place, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        self.count(1, node.place)
        self.stack.append(_Open(node, event.anchor))

    def close(self) -> None:
        closed = self.stack.pop()
        node = closed.node
        children = [child for _, child in (node.items or {}).values()] + (node.elements or [])
        node.size = 1 + sum(child.size for child in children)
        self.add(node, closed.anchor)

    def add(self, node: Node, anchor: str | None, *, word: str | None = None, merges: bool = False) -> None:
        """Put a value where it belongs; ``word`` is its text when it may serve as a key."""
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.documents.append(node)
            return
        above = self.stack[-1]
        if above.node.elements is not None:
            above.node.elements.append(node)
        elif above.key is None:
            if word is None:
                raise _Refused(node.place, "a key must be a plain word", "put the key in quotes")
            above.key = (None if merges and word == "<<" else word, node.place)
        else:
            (key, place), above.key = above.key, None
            self.merge(above, place, node) if key is None else self.entry(above, key, place, child=node)

    def entry(self, mapping: _Open, key: str, place: Place, *, child: Node) -> None:
        first = mapping.node.get(key)
        if first is not None and key not in mapping.merged:
            message = f"the key {key!r} is written twice in one mapping"
            path = ".".join((*self.path(), key))
            self.faults.append(Fault(path, str(place), message, "keep one of them", (str(first[0]),)))
            return
        mapping.merged.discard(key)
        assert mapping.node.items is not None  # noqa: S101 - only a mapping collects keys
        mapping.node.items[key] = (place, child)

    def path(self) -> tuple[str, ...]:
        """Name the keys and list positions that lead to the mapping being read."""
        above = self.stack[:-1]
        return tuple(
            str(len(item.node.elements)) if item.node.elements is not None else str(item.key and item.key[0])
            for item in above
        )

    def merge(self, mapping: _Open, place: Place, node: Node) -> None:
        for source in node.elements if node.elements is not None else [node]:
            if source.items is None:
                raise _Refused(place, "'<<' merges mappings only", "name an anchor of a mapping: <<: *name")
            self.count(len(source.items), place)
            for key, (at, child) in source.items.items():
                if mapping.node.get(key) is None:
                    self.entry(mapping, key, at, child=child)
                    mapping.merged.add(key)


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def parse(text: str, name: str) -> YamlFile:
    """Parse YAML text under the guard; what is wrong comes back as faults, never as an exception."""
    builder = _Builder(name)
    try:
        root = _root(text, builder)
    except _Refused as refused:
        return _broken(name, text, *builder.faults, refused.fault)
    except yaml.YAMLError as exc:
        return _broken(name, text, *builder.faults, _syntax(exc, name, text))
    except UnicodeEncodeError as exc:
        fault = Fault("", str(_place_of(name, text, exc.start)), "holds half a character", "save the file as UTF-8")
        return _broken(name, text, fault)
    return YamlFile(name, text, root, tuple(builder.faults))


def _root(text: str, builder: _Builder) -> Node:
    if len(text) > MAX_BYTES:
        raise _Refused(Place(builder.name, 1, 1), f"larger than {MAX_BYTES:,} bytes")
    for event in yaml.parse(text, Loader=_Loader):
        builder.feed(event)
        if len(builder.documents) > 1:
            raise _Refused(builder.documents[1].place, "a second YAML document in one file", "remove the line '---'")
    root = builder.documents[0] if builder.documents else _empty(builder.name)
    if root.is_scalar and root.value is None:
        return _empty(builder.name)
    if root.items is None:
        kind = "a list" if root.elements is not None else "a single value"
        message = f"the file must hold a mapping of keys to values, not {kind}"
        raise _Refused(root.place, message, "write 'key: value' lines")
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
        place = _place_of(name, raw[: exc.start].decode("utf-8"), exc.start)
        return _broken(name, "", Fault("", str(place), "is not valid UTF-8", "save the file as UTF-8"))


def _broken(name: str, text: str, *faults: Fault) -> YamlFile:
    return YamlFile(name, text, _empty(name), faults, broken=True)


def _empty(name: str) -> Node:
    return Node(Place(name, 1, 1), items={})


def _place_of(name: str, text: str, position: int) -> Place:
    """Turn an offset into a line and column."""
    before = text[:position]
    return Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _syntax(exc: yaml.YAMLError, name: str, text: str) -> Fault:
    problem = str(getattr(exc, "problem", None) or getattr(exc, "reason", None) or exc).replace("\n", " ")
    context = str(getattr(exc, "context", None) or "")
    mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    opened = next((kind for kind in _PARTLY_OPEN if kind in context), None)
    if mark is None:
        return Fault(
            "", str(_control_character(name, text)), f"YAML syntax: {problem}", "remove the invisible character"
        )
    if opened and _ends_early(problem):
        start = exc.context_mark  # type: ignore[attr-defined] # an error with a context has its mark
        what, fix = _PARTLY_OPEN[opened]
        message = f"YAML syntax: {what} is opened here and not closed (line {mark.line + 1} was reached)"
        return Fault("", str(Place(name, start.line + 1, start.column + 1)), message, fix)
    place = Place(name, mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    character = lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
    if character == "\t":
        return Fault("", str(place), "YAML syntax: a tab where only spaces may indent", "indent with spaces")
    if "cannot start any token" in problem:
        return Fault("", str(place), f"YAML syntax: a value cannot open with {character!r}", "put the value in quotes")
    return Fault("", str(place), f"YAML syntax: {problem}", _syntax_fix(problem))


def _ends_early(problem: str) -> bool:
    return any(words in problem for words in ("end of stream", "did not find expected ','", "document indicator"))


def _control_character(name: str, text: str) -> Place:
    found = next((i for i, c in enumerate(text) if not c.isprintable() and c not in "\n\r\t\x85\ufeff"), 0)
    return _place_of(name, text, found)


def _syntax_fix(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "quote a value that holds ': ', or check the indentation"
    return "check the indentation, quotes and brackets around here"
