"""A list of ONNX nodes that grows: each call adds one node and returns the name of its value."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["Nodes"]


class Nodes:
    """Nodes and constants with names made from their order, so that equal features give equal bytes."""

    def __init__(self, prefix: str) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._prefix = prefix
        self._known: dict[tuple[str, bytes, tuple[int, ...]], str] = {}

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add one node; its value is named after its place and operator."""
        name = f"{self._prefix}/{len(self.nodes)}_{operator}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def constant(self, value: Any, dtype: type[np.generic]) -> str:
        """Add a constant, once for equal ones."""
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.tobytes(), array.shape)
        if key not in self._known:
            name = f"{self._prefix}/constant_{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, name))
            self._known[key] = name
        return self._known[key]

    def whole(self, operator: str, left: str, right: int) -> str:
        """Add a node that combines int64 values with one number."""
        return self.add(operator, left, self.constant([[right]], np.int64))

    def floor(self, left: str, right: int) -> str:
        """Divide int64 values by a positive number, rounding down.

        ONNX leaves the rounding of a negative quotient open and onnxruntime rounds it towards
        zero; ``Mod`` has the divisor's sign, so taking it away first makes the division exact.
        """
        return self.whole("Div", self.add("Sub", left, self.whole("Mod", left, right)), right)
