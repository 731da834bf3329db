"""What a lineage holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Kind", "Lineage", "Node"]

Kind = Literal["source", "stage", "model", "deployment"]


@dataclass(frozen=True)
class Node:
    """One thing on the way: outside data, a finished stage, a registered version, a deployment."""

    id: str
    kind: Kind
    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """What is known of it, in the order in which it is told."""

    reads: tuple[str, ...] = ()
    """IDs of the nodes that it is made from."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    """Output → digest, of a stage."""


@dataclass(frozen=True)
class Lineage:
    """Everything that led to what was asked for, each thing after those that it is made from."""

    asked: str
    run: str
    recipe: str
    nodes: tuple[Node, ...]

    @property
    def ends(self) -> tuple[Node, ...]:
        """The nodes from which nothing else is made."""
        read = {name for node in self.nodes for name in node.reads}
        return tuple(node for node in self.nodes if node.id not in read)

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON values."""
        return asdict(self)
