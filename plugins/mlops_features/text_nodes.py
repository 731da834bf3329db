"""Words of a text in ONNX: split, looked up and summed up text by text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper

from mlops_features.nodes import Nodes
from mlops_features.text import Spelling

__all__ = ["OPSET", "each_text"]

OPSET = 20
"""The first version of ONNX's operators that splits strings."""

Summary = Callable[[Nodes, str], str]
"""Adds nodes from the numbers of a text's words, int64 (words,), to float32 (width,)."""


def each_text(nodes: Nodes, column: str, *, spelling: Spelling, summary: Summary, width: int) -> str:
    """Sum up each text of a column by itself.

    A matrix of the words of all texts would be as wide as the longest text, and one long text would
    make it larger than the memory; so a loop takes one text after the other.

    Args:
        nodes: where nodes are added.
        column: string value (rows, 1), the words of each text joined by one space.
        spelling: the numbers of the words.
        summary: what is made of the numbers of one text.
        width: length of that.

    Returns:
        float32 value (rows, width).
    """
    texts = nodes.add("Squeeze", _with_empty_text(nodes, column), nodes.constant([1], np.int64))
    body = Nodes(f"{texts}/each")
    row, result = f"{texts}/text", summary(body, _numbers(body, f"{texts}/text", spelling))
    graph = helper.make_graph(
        body.nodes,
        "each_text",
        [helper.make_tensor_value_info(row, TensorProto.STRING, [])],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, [width])],
        initializer=body.constants,
    )
    rows = nodes.add("Scan", texts, body=graph, num_scan_inputs=1)
    ends = (nodes.constant([value], np.int64) for value in (0, -1, 0))
    return nodes.add("Slice", rows, *ends)


def _with_empty_text(nodes: Nodes, column: str) -> str:
    """Put one text below the others: onnxruntime refuses to loop over none."""
    name = f"{nodes.add('Identity', column)}/empty"
    nodes.constants.append(helper.make_tensor(name, TensorProto.STRING, [1, 1], [b""]))
    return nodes.add("Concat", column, name, axis=0)


def _numbers(body: Nodes, row: str, spelling: Spelling) -> str:
    """Split one text and look its words up."""
    words = f"{row}/words"
    body.nodes.append(helper.make_node("StringSplit", [row], [words, f"{row}/count"], name=words, delimiter=" "))
    return body.add(
        "LabelEncoder",
        words,
        domain="ai.onnx.ml",
        keys_strings=spelling.keys,
        values_int64s=spelling.numbers,
        default_int64=1,
    )
