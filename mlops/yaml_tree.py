"""Parser events → a tree of values, within limits: no tags, no doubled keys, no aliases that explode."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from mlops.errors import Fault
from mlops.yaml_node import Node, Place, plain_value

__all__ = ["MAX_DEPTH", "MAX_NODES", "Builder", "Refused"]

MAX_NODES = 10_000
MAX_DEPTH = 50

_TEXT_TAG = "tag:yaml.org,2002:str"
_NO_TAG = (None, "!")


class Refused(Exception):
    """The text breaks a limit; nothing of it is used."""

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
class Builder:
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
        """Turn a parser's mark into a place."""
        return Place(self.name, mark.line + 1, mark.column + 1)

    def feed(self, event: Any) -> None:
        """Take the next event."""
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
        """Count values, and refuse too many."""
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise Refused(place, f"expands to more than {MAX_NODES:,} values", "remove the repeated aliases")

    def scalar(self, event: Any) -> None:
        """Take a scalar."""
        place = self.place(event.start_mark)
        if event.tag not in (*_NO_TAG, _TEXT_TAG):
            raise Refused(place, f"the tag {_short_tag(event.tag)} is not allowed", "write plain YAML without tags")
        is_text = bool(event.style) or event.tag is not None
        self.count(1, place)
        node = Node(place, event.value if is_text else plain_value(event.value))
        self.add(node, event.anchor, word=event.value if node.value is not None else None, merges=not is_text)

    def alias(self, event: Any) -> None:
        """Take a reference to an anchor."""
        place = self.place(event.start_mark)
        node = self.anchors.get(event.anchor)
        if node is None:
            message = f"the alias *{event.anchor} has no anchor above it (or refers to itself)"
            raise Refused(place, message, f"write &{event.anchor} before the value that it repeats")
        self.count(node.size, place)
        word = str(node.value) if node.is_scalar and node.value is not None else None
        self.add(node, None, word=word)

    def open(self, node: Node, event: Any) -> None:
        """Begin a list or mapping."""
        if event.tag not in _NO_TAG:
            message = f"the tag {_short_tag(event.tag)} is not allowed"
            raise Refused(node.place, message, "write plain YAML without tags")
        if len(self.stack) >= MAX_DEPTH:
            raise Refused(node.place, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        self.count(1, node.place)
        self.stack.append(_Open(node, event.anchor))

    def close(self) -> None:
        """End the innermost list or mapping."""
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
                raise Refused(node.place, "a key must be a plain word", "put the key in quotes")
            above.key = (None if merges and word == "<<" else word, node.place)
        else:
            (key, place), above.key = above.key, None
            self.merge(above, place, node) if key is None else self.entry(above, key, place, child=node)

    def entry(self, mapping: _Open, key: str, place: Place, *, child: Node) -> None:
        """Put an entry into a mapping; a key written twice is a fault."""
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
        """Put the entries of other mappings behind a mapping's own."""
        for source in node.elements if node.elements is not None else [node]:
            if source.items is None:
                raise Refused(place, "'<<' merges mappings only", "name an anchor of a mapping: <<: *name")
            self.count(len(source.items), place)
            for key, (at, child) in source.items.items():
                if mapping.node.get(key) is None:
                    self.entry(mapping, key, at, child=child)
                    mapping.merged.add(key)


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
