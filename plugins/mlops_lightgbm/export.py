"""LightGBM's model as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from mlops.formats.table import Task
from mlops_lightgbm.trees import Forest

__all__ = ["to_onnx"]

OPSET, ML_OPSET, IR = 18, 5, 10
_ML = "ai.onnx.ml"
_SUM = 1


def to_onnx(model: Mapping[str, Any], *, task: Task) -> bytes:
    """Export a model that LightGBM dumped as JSON.

    Returns:
        A graph with input ``features`` float32 (rows, features) and output ``scores`` float32:
        probabilities (rows, classes), or values (rows, 1).
    """
    forest = Forest(outputs=model["num_tree_per_iteration"])
    for tree in model["tree_info"]:
        forest.add_tree(tree)
    width = 2 if task == "binary" else forest.outputs
    graph = helper.make_graph(
        [_trees(forest), *_link(task)],
        "lightgbm",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", model["max_feature_idx"] + 1])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", width])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, ML_OPSET)]
    made: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _trees(forest: Forest) -> NodeProto:
    """One operator that sums the leaves of all trees into ``margin`` (rows, outputs)."""
    tensors = {
        "nodes_splits": np.array(forest.nodes_splits, np.float32),
        "nodes_modes": np.array(forest.nodes_modes, np.uint8),
        "leaf_weights": np.array(forest.leaf_weights, np.float32),
    }
    if forest.membership_values:
        tensors["membership_values"] = np.array(forest.membership_values, np.float32)
    return helper.make_node(
        "TreeEnsemble",
        ["features"],
        ["margin"],
        name="trees",
        domain=_ML,
        aggregate_function=_SUM,
        n_targets=forest.outputs,
        nodes_featureids=forest.nodes_featureids,
        nodes_truenodeids=forest.nodes_truenodeids,
        nodes_trueleafs=forest.nodes_trueleafs,
        nodes_falsenodeids=forest.nodes_falsenodeids,
        nodes_falseleafs=forest.nodes_falseleafs,
        nodes_missing_value_tracks_true=forest.nodes_missing_value_tracks_true,
        leaf_targetids=forest.leaf_targetids,
        tree_roots=forest.tree_roots,
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
