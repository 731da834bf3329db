"""Graphs grow with names made from their order, and each constant is kept once."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx.checker import ValidationError

from mlops_lightning.networks.layers import Chain, Linear, Relu
from mlops_lightning.networks.onnx_nodes import Nodes, export


def test_equal_constants_are_kept_once() -> None:
    nodes = Nodes()
    assert nodes.numbers([1.0, 2.0]) == nodes.weight(torch.tensor([1.0, 2.0]))
    assert nodes.numbers([1.0, 2.0]) != nodes.integers([1, 2])
    assert nodes.numbers([1.0, 2.0]) != nodes.numbers([[1.0, 2.0]])
    assert len(nodes.constants) == 3


def test_constants_keep_the_shape_of_a_single_number() -> None:
    nodes = Nodes()
    nodes.numbers(1.0)
    assert list(nodes.constants[0].dims) == []


def test_neighbouring_columns_are_a_slice_and_others_are_gathered() -> None:
    nodes = Nodes()
    nodes.columns("x", [2, 3, 4])
    nodes.columns("x", [0, 2])
    assert [node.op_type for node in nodes.nodes] == ["Slice", "Gather"]


def test_a_graph_is_standard_and_says_its_widths() -> None:
    graph = onnx.load_model_from_string(
        export(Chain([Linear(3, 2), Relu()]), lambda nodes, raw: raw, width=3, scores=2)
    )
    assert graph.ir_version == 10
    assert [(item.domain, item.version) for item in graph.opset_import] == [("", 18)]
    sizes = [item.type.tensor_type.shape.dim[1].dim_value for item in (*graph.graph.input, *graph.graph.output)]
    assert sizes == [3, 2]
    assert [item.name for item in (*graph.graph.input, *graph.graph.output)] == ["features", "scores"]


def test_a_graph_of_another_width_is_refused() -> None:
    with pytest.raises((ValidationError, onnx.shape_inference.InferenceError), match=r"(?i)dim"):
        export(Linear(3, 2), lambda nodes, raw: raw, width=4, scores=2)


def test_weights_are_stored_as_they_are() -> None:
    layer = Linear(3, 2)
    graph = onnx.load_model_from_string(export(layer, lambda nodes, raw: raw, width=3, scores=2))
    stored = [onnx.numpy_helper.to_array(item) for item in graph.graph.initializer]
    assert any(np.array_equal(item, layer.weight.detach().numpy()) for item in stored)
