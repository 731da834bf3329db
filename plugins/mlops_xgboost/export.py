"""XGBoost's model as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from mlops.formats.table import Task
from mlops_xgboost.trees import Forest

__all__ = ["to_onnx"]

OPSET, ML_OPSET, IR = 18, 5, 10
_ML = "ai.onnx.ml"
_SUM = 1


def to_onnx(model: Mapping[str, Any], *, task: Task) -> bytes:
    """Export a model that XGBoost saved as JSON.

    Returns:
        A graph with input ``features`` float32 (rows, features) and output ``scores`` float32:
        probabilities (rows, classes), or values (rows, 1).
    """
    forest = Forest.of(model)
    width = 2 if task == "binary" else forest.outputs
    graph = helper.make_graph(
        [_trees(forest), helper.make_node("Add", ["sum", "base"], ["margin"], name="start"), *_link(task)],
        "xgboost",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", forest.features])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", width])],
        initializer=[numpy_helper.from_array(forest.base, "base")],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, ML_OPSET)]
    made: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _trees(forest: Forest) -> NodeProto:
    """One operator that sums the leaves of all trees into ``sum`` (rows, outputs)."""
    nodes = forest.nodes
    tensors = {
        "nodes_splits": nodes.split,
        "nodes_modes": nodes.mode.astype(np.uint8),
        "leaf_weights": nodes.leaf_weight,
    }
    if nodes.members.size:
        tensors["membership_values"] = nodes.members
    return helper.make_node(
        "TreeEnsemble",
        ["features"],
        ["sum"],
        name="trees",
        domain=_ML,
        aggregate_function=_SUM,
        n_targets=forest.outputs,
        nodes_featureids=nodes.feature.tolist(),
        nodes_truenodeids=nodes.true_id.tolist(),
        nodes_trueleafs=nodes.true_leaf.tolist(),
        nodes_falsenodeids=nodes.false_id.tolist(),
        nodes_falseleafs=nodes.false_leaf.tolist(),
        nodes_missing_value_tracks_true=nodes.missing_true.tolist(),
        leaf_targetids=nodes.leaf_target.tolist(),
        tree_roots=forest.roots.tolist(),
        **{name: numpy_helper.from_array(value, name) for name, value in tensors.items()},
    )


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
