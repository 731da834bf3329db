"""A lineage as a tree of text: what was asked for at the top, the data that it came from at the ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mlops.ancestry.model import Lineage, Node

__all__ = ["render"]

_DIGEST = re.compile(r"[0-9a-f]{32,}")
_BRIEF = 12
_WORDS = {"source": "data ", "model": "model ", "deployment": "deployment ", "stage": ""}


def render(lineage: Lineage) -> str:
    """Draw the tree; what was drawn above is only named again."""
    nodes = {node.id: _of_run(node, lineage.run) for node in lineage.nodes}
    drawn: set[str] = set()
    lines = [f"{lineage.recipe}, run {lineage.run}"]
    for end in reversed(lineage.ends):
        lines += _drawn(nodes[end.id], nodes, drawn, before="", branch="")
    return "\n".join(lines)


def _drawn(node: Node, nodes: dict[str, Node], drawn: set[str], *, before: str, branch: str) -> Iterator[str]:
    seen = node.id in drawn
    yield f"{before}{branch}{_WORDS[node.kind]}{node.title}{'  (above)' if seen else _facts(node)}"
    if seen:
        return
    drawn.add(node.id)
    inner = before + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
    reads = [nodes[name] for name in node.reads if name in nodes]
    for index, read in enumerate(reads):
        last = index == len(reads) - 1
        yield from _drawn(read, nodes, drawn, before=inner, branch="└─ " if last else "├─ ")


def _of_run(node: Node, run: str) -> Node:
    """Leave out who made a thing when it was the run itself."""
    return replace(node, facts={key: value for key, value in node.facts.items() if (key, value) != ("made by", run)})


def _facts(node: Node) -> str:
    """Tell what counts of a node on its own line."""
    if node.kind == "stage":
        made = ", ".join(f"{name} {digest[:_BRIEF]}" for name, digest in node.outputs.items())
        maker = f", made by {node.facts['made by']}" if "made by" in node.facts else ""
        return f"  {made}  key {node.facts.get('key', '')[:_BRIEF]}{maker}"
    told = ", ".join(f"{name} {_brief(value)}" for name, value in node.facts.items())
    return f"  {told}" if told else ""


def _brief(text: str) -> str:
    return _DIGEST.sub(lambda found: found[0][:_BRIEF], text)
