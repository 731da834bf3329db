"""Names in a converted graph that follow from the graph alone: converters count on from fit to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

__all__ = ["rename"]


def rename(nodes: Iterable[NodeProto], constants: Iterable[TensorProto], *, kept: Iterable[str]) -> None:
    """Number values and nodes in the order in which they appear, in place; names of values in ``kept`` stay.

    Equal names stay equal and different ones different, also across the scopes of inner graphs.
    """
    known = {name: name for name in (*kept, "")}
    places = iter(range(2**31))

    def renamed(name: str) -> str:
        if name not in known:
            known[name] = f"v{len(known)}"
        return known[name]

    for node in nodes:
        _node(node, renamed, lambda: f"n{next(places)}")
    for constant in constants:
        constant.name = renamed(constant.name)


def _node(node: NodeProto, renamed: Callable[[str], str], numbered: Callable[[], str]) -> None:
    node.name = numbered()
    node.input[:] = [renamed(name) for name in node.input]
    node.output[:] = [renamed(name) for name in node.output]
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            _graph(attribute.g, renamed, numbered)


def _graph(graph: GraphProto, renamed: Callable[[str], str], numbered: Callable[[], str]) -> None:
    graph.name = numbered()
    for item in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.name = renamed(item.name)
    for node in graph.node:
        _node(node, renamed, numbered)
