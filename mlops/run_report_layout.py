"""Where the stages of a plan stand when they are drawn: layers from top to bottom, few crossings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Edge", "Layout", "layout"]

_STAGE_GAP, _BEND_GAP, _LAYER_GAP = 152.0, 42.0, 88.0
_SWEEPS = 6

_PORT_GAP, _PORTS = 28.0, 104.0
"""Room between the edges of one stage, and for all of them together."""

Way = tuple[tuple[float, float], ...]
"""Points of an edge: its source, a bend in each layer between, its target."""

Node = tuple[str, int]
"""A stage and 0, or the bend of a long edge and its number (from 1)."""


@dataclass(frozen=True)
class Edge:
    """One stage reads what another makes."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Layout:
    """Centres of stages and the way of each edge, in pixels from the top left."""

    stages: Mapping[str, tuple[float, float]]
    ways: Mapping[Edge, Way]
    width: float
    height: float


def layout(names: Sequence[str], edges: Iterable[Edge]) -> Layout:
    """Place stages so that each stands below what it reads (Sugiyama et al. 1981).

    Args:
        names: stages in plan order; an edge must lead to a later one, others are left out.
        edges: at most one for each pair of stages.
    """
    rank = {name: index for index, name in enumerate(names)}
    kept = [e for e in edges if rank.get(e.source, len(names)) < rank.get(e.target, -1)]
    layer = _layers(names, kept)
    chains = {edge: _chain(edge, layer, number) for number, edge in enumerate(kept)}
    rows = _rows(names, layer, chains)
    links = [pair for chain in chains.values() for pair in pairwise(chain)]
    x = _positions(rows, links)
    left = min(x.values(), default=0.0)
    placed = {
        node: (x[node] - left + _STAGE_GAP / 2, (index + 0.5) * _LAYER_GAP)
        for index, row in enumerate(rows)
        for node in row
    }
    ways = _ported({edge: tuple(placed[node] for node in chain) for edge, chain in chains.items()})
    width = max((at for at, _ in placed.values()), default=0.0) + _STAGE_GAP / 2
    return Layout({name: placed[name, 0] for name in names}, ways, width, len(rows) * _LAYER_GAP)


def _layers(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Give each stage one more than the deepest of those it reads."""
    above: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        above[edge.target].append(edge.source)
    layer: dict[str, int] = {}
    for name in names:
        layer[name] = max((layer[source] + 1 for source in above[name]), default=0)
    return layer


def _chain(edge: Edge, layer: Mapping[str, int], number: int) -> list[Node]:
    """Give an edge over several layers a bend in each."""
    bends = range(layer[edge.source] + 1, layer[edge.target])
    return [(edge.source, 0), *((f"{number}/{index}", number + 1) for index in bends), (edge.target, 0)]


def _rows(names: Sequence[str], layer: Mapping[str, int], chains: Mapping[Edge, list[Node]]) -> list[list[Node]]:
    rows: list[list[Node]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in names:
        rows[layer[name]].append((name, 0))
    for edge, chain in chains.items():
        for index, node in enumerate(chain[1:-1], start=layer[edge.source] + 1):
            rows[index].append(node)
    return rows


def _positions(rows: list[list[Node]], links: Iterable[tuple[Node, Node]]) -> dict[Node, float]:
    """Move nodes to the middle of their neighbours, above and below in turn; sorts ``rows`` by place."""
    above: defaultdict[Node, list[Node]] = defaultdict(list)
    below: defaultdict[Node, list[Node]] = defaultdict(list)
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    x: dict[Node, float] = {}
    for row in rows:
        x |= _spread(row, dict.fromkeys(row, 0.0))
    for sweep in range(2 * _SWEEPS):
        near, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in order:
            wanted = {node: _mean([x[other] for other in near[node]], x[node]) for node in row}
            row.sort(key=lambda node: wanted[node])
            x |= _spread(row, wanted)
    return x


def _spread(row: Sequence[Node], wanted: Mapping[Node, float]) -> dict[Node, float]:
    """Keep nodes apart in their order, as near as that allows to where each wants to be."""
    placed: dict[Node, float] = {}
    at, last = 0.0, None
    for node in row:
        at = wanted[node] if last is None else max(wanted[node], at + _gap(last, node))
        placed[node], last = at, node
    shift = _mean([wanted[node] - placed[node] for node in row], 0.0)
    return {node: at + shift for node, at in placed.items()}


def _ported(ways: Mapping[Edge, Way]) -> dict[Edge, Way]:
    """Let the edges of a stage leave and arrive side by side, in the order in which they come."""
    found = dict(ways)
    for end, towards in ((0, 1), (-1, -2)):
        groups: defaultdict[str, list[Edge]] = defaultdict(list)
        for edge in ways:
            groups[edge.source if end == 0 else edge.target].append(edge)
        for group in groups.values():
            group.sort(key=lambda edge: ways[edge][towards][0])
            step = min(_PORT_GAP, _PORTS / len(group))
            for index, edge in enumerate(group):
                found[edge] = _moved(found[edge], end, step * (index - (len(group) - 1) / 2))
    return found


def _moved(way: Way, end: int, by: float) -> Way:
    points = list(way)
    points[end] = (points[end][0] + by, points[end][1])
    return tuple(points)


def _gap(one: Node, other: Node) -> float:
    """Give stages their width, and bends much less."""
    return sum(_BEND_GAP / 2 if node[1] else _STAGE_GAP / 2 for node in (one, other))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
