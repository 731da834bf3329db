"""A linear model as an ONNX graph: 0/1 columns, one matrix product, the link function."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from mlops.formats.table import Task
from mlops_sklearn.design import Design

__all__ = ["to_onnx"]

OPSET, IR = 18, 10
Array = np.ndarray[Any, Any]


def to_onnx(design: Design, coefficients: Array, intercept: Array, *, task: Task) -> bytes:
    """Export a linear model.

    Args:
        design: how the features make the design matrix.
        coefficients: float64 (outputs, design columns).
        intercept: float64 (outputs,).
        task: decides the link function.

    Returns:
        A graph with input ``features`` float32 (rows, features) and output ``scores`` float32:
        probabilities (rows, classes), or values (rows, 1).
    """
    constants = {
        "coefficients": coefficients.T.astype(np.float32),
        "intercept": intercept.astype(np.float32),
        **_design_constants(design),
    }
    product = helper.make_node("Gemm", ["design", "coefficients", "intercept"], ["margin"], name="product")
    width = 2 if task == "binary" else len(intercept)
    graph = helper.make_graph(
        [*_design_nodes(design), product, *_link(task)],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", len(set(design.features))])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", width])],
        initializer=[numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    made: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _design_constants(design: Design) -> dict[str, Array]:
    made: dict[str, Array] = {"plain": np.array(design.plain, np.int64)}
    if design.flags:
        made["coded"] = np.array([feature for feature, _ in design.flags], np.int64)
        made["codes"] = np.array([[code for _, code in design.flags]], np.float32)
    return made


def _design_nodes(design: Design) -> list[NodeProto]:
    blocks = []
    nodes = []
    if design.plain:
        blocks.append("quantities")
        nodes.append(helper.make_node("Gather", ["features", "plain"], ["quantities"], name="take", axis=1))
    if design.flags:
        blocks.append("flags")
        nodes += [
            helper.make_node("Gather", ["features", "coded"], ["repeated"], name="repeat", axis=1),
            helper.make_node("Equal", ["repeated", "codes"], ["same"], name="compare"),
            helper.make_node("Cast", ["same"], ["flags"], name="flag", to=TensorProto.FLOAT),
        ]
    return [*nodes, helper.make_node("Concat", blocks, ["design"], name="join", axis=1)]


def _link(task: Task) -> list[NodeProto]:
    """From the margin to probabilities: the logistic function, or softmax over classes."""
    if task == "regression":
        return [helper.make_node("Identity", ["margin"], ["scores"], name="value")]
    if task == "multiclass":
        return [helper.make_node("Softmax", ["margin"], ["scores"], name="softmax", axis=1)]
    # The logistic function as the softmax of (0, margin): keeps small probabilities that a float32 sigmoid rounds to 0.
    return [
        helper.make_node("Sub", ["margin", "margin"], ["zero"], name="zero"),
        helper.make_node("Concat", ["zero", "margin"], ["margins"], name="margins", axis=1),
        helper.make_node("Softmax", ["margins"], ["scores"], name="logistic", axis=1),
    ]
