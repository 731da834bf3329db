"""An ONNX graph that grows layer by layer, and a network written as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper
from torch import Tensor

__all__ = ["Emitting", "Finish", "Nodes", "export"]

OPSET, IR = 18, 10


class Nodes:
    """Nodes and constants of a graph, named after their order: equal networks give equal bytes.

    A layer's ``emit`` calls `add` for each step and hands the name that it gets to the next.
    """

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add one node with one output; returns the output's name."""
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def weight(self, value: Tensor) -> str:
        """Add a weight as float32; returns its name."""
        return self._constant(value.detach().cpu().float().numpy())

    def numbers(self, value: Any) -> str:
        """Add float32 numbers; returns their name."""
        return self._constant(np.asarray(value, dtype=np.float32))

    def integers(self, value: Any) -> str:
        """Add int64 numbers (indices, shapes, axes); returns their name."""
        return self._constant(np.asarray(value, dtype=np.int64))

    def columns(self, value: str, indices: Sequence[int]) -> str:
        """Take columns of (rows, n): neighbours as a slice, others one by one."""
        first, count = indices[0], len(indices)
        if list(indices) == list(range(first, first + count)):
            bounds = (self.integers([number]) for number in (first, first + count, 1))
            return self.add("Slice", value, *bounds)
        return self.add("Gather", value, self.integers(indices), axis=1)

    def reshape(self, value: str, *shape: int) -> str:
        """Lay values out anew; 0 keeps the size at that place, -1 takes what is left."""
        return self.add("Reshape", value, self.integers(shape))

    def _constant(self, array: np.ndarray[Any, Any]) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = f"constant_{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
            self._known[key] = name
        return self._known[key]


class Emitting(Protocol):
    """What can be written as ONNX nodes; every network of this package is."""

    def emit(self, nodes: Nodes, value: str, /) -> str:
        """Add nodes that compute what ``forward`` does in evaluation; returns the name of the output."""
        ...


Finish = Callable[[Nodes, str], str]
"""Adds what turns the raw outputs called so, float32 (rows, outputs) or (rows, members, outputs), into scores,
float32 (rows, scores); returns their name."""


def export(network: Emitting, finish: Finish, *, width: int, scores: int) -> bytes:
    """Write a network as an ONNX model (only standard operators, opset 18, IR 10).

    The weights are taken as they are; the graph computes what the network does in evaluation,
    whatever mode it is in. Equal weights give equal bytes.

    Args:
        network: what is between the features and the raw outputs.
        finish: what follows: softmax, mean over members, the target's unit.
        width: features a row.
        scores: scores a row.

    Returns:
        A graph with input ``features`` float32 (rows, width) and output ``scores`` float32 (rows, scores).
    """
    nodes = Nodes()
    nodes.add("Identity", finish(nodes, network.emit(nodes, "features")))
    nodes.nodes[-1].output[0] = "scores"
    graph = helper.make_graph(
        nodes.nodes,
        "network",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", scores])],
        initializer=nodes.constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
