"""From raw outputs to scores as ONNX nodes: what every network's graph ends with."""

from __future__ import annotations

from typing import Any

import torch

from mlops_lightning.native import Native
from mlops_lightning.networks.onnx_nodes import Nodes, export

__all__ = ["export_network", "finished"]

_MEMBERS = 3
"""Dimensions of an ensemble's raw outputs."""


def export_network(network: Any, native: Native) -> bytes:
    """Write a network as a graph from features to scores: by itself where it can ``emit``, else traced."""
    if not hasattr(network, "emit"):
        from mlops_lightning.export_traced import export_traced

        return export_traced(network, native)
    facts = native.facts
    width = len(facts.features)
    with torch.inference_mode():
        ensemble = network(torch.zeros(1, width)).dim() == _MEMBERS

    def finish(nodes: Nodes, raw: str) -> str:
        return finished(nodes, raw, native, ensemble=ensemble)

    return export(network, finish, width=width, scores=len(facts.classes) or 1)


def finished(nodes: Nodes, raw: str, native: Native, *, ensemble: bool) -> str:
    """Add softmax, the mean over members, the target's unit; gives the name of the scores."""
    classes = native.facts.classes
    found = nodes.add("Softmax", raw, axis=-1) if classes else raw
    if ensemble:
        found = nodes.add("ReduceMean", found, nodes.integers([1]), keepdims=0)
    if classes:
        return found
    statistics = native.statistics
    scaled = nodes.add("Mul", found, nodes.numbers(statistics.deviation))
    return nodes.add("Add", scaled, nodes.numbers(statistics.mean))
