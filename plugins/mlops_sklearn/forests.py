"""Trees of scikit-learn as one ONNX operator (TreeEnsembleRegressor, ai.onnx.ml 3).

Written here rather than by a converter, for two reasons of exactness: a threshold is rounded *down* to float32,
so that a float32 value falls on the same side as with the float64 threshold; and a missing value goes the way
that training learnt. (skl2onnx 1.20 drops those ways from forests, and cannot convert histogram boosting.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import NodeProto, helper
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlops.errors import StageError

__all__ = ["ML_OPSET", "tree_nodes"]

ML_OPSET = 3
_ML = "ai.onnx.ml"
_BOOSTED = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_SINGLE = (DecisionTreeClassifier, DecisionTreeRegressor)
_GROVES = (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class _Tree:
    """One tree; all arrays have an entry a node, the root first."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    leaf: Array
    values: Array
    """(nodes, n): what a leaf adds to the outputs from ``first`` on."""

    first: int = 0


def tree_nodes(estimator: Any, source: str) -> list[NodeProto] | None:
    """Write an estimator of trees; its answer (rows, outputs) is called ``raw``.

    Args:
        estimator: fitted.
        source: name of the design, float32 (rows, columns).

    Returns:
        The nodes: ``raw`` holds probabilities or values. None when the estimator is of another kind.
    """
    if isinstance(estimator, _BOOSTED):
        return _boosted(estimator, source)
    if isinstance(estimator, (*_SINGLE, *_GROVES)):
        grown = [estimator] if isinstance(estimator, _SINGLE) else estimator.estimators_
        trees = [_grown(item.tree_) for item in grown]
        # A mean over trees, kept as a mean: sums of hundreds of small float32 shares would drift.
        return [_ensemble(trees, source, "raw", outputs=trees[0].values.shape[1], how="AVERAGE")]
    return None


def _grown(tree: Any) -> _Tree:
    return _Tree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=tree.missing_go_to_left,
        leaf=tree.children_left < 0,
        values=tree.value[:, 0, :],
    )


def _boosted(estimator: Any, source: str) -> list[NodeProto]:
    start = np.ravel(estimator._baseline_prediction)  # noqa: SLF001 - it has no public name
    trees = [
        _histogram(predictor.nodes, output)
        for each in estimator._predictors  # noqa: SLF001 - as above
        for output, predictor in enumerate(each)
    ]
    sums = _ensemble(trees, source, "margin", outputs=len(start), how="SUM", start=start)
    return [sums, *_link(estimator, outputs=len(start))]


def _histogram(nodes: Array, output: int) -> _Tree:
    if nodes["is_categorical"].any():
        raise StageError(
            "splits on categories of histogram boosting are not supported",
            where="model.params.categorical_features",
            fix="leave it out; codes: onehot does the same for few categories",
        )
    return _Tree(
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        left=nodes["left"],
        right=nodes["right"],
        missing_left=nodes["missing_go_to_left"],
        leaf=nodes["is_leaf"].astype(bool),
        values=nodes["value"][:, None],
        first=output,
    )


def _link(estimator: Any, *, outputs: int) -> Iterator[NodeProto]:
    """From the margin to what is predicted."""
    if isinstance(estimator, HistGradientBoostingRegressor):
        follows_log = estimator.loss in {"poisson", "gamma"}
        yield helper.make_node("Exp" if follows_log else "Identity", ["margin"], ["raw"], name="link")
    elif outputs > 1:
        yield helper.make_node("Softmax", ["margin"], ["raw"], name="link", axis=1)
    else:
        # The logistic function as the softmax of (0, margin): it keeps probabilities near 0.
        yield helper.make_node("Sub", ["margin", "margin"], ["zero"], name="zero")
        yield helper.make_node("Concat", ["zero", "margin"], ["margins"], name="margins", axis=1)
        yield helper.make_node("Softmax", ["margins"], ["raw"], name="link", axis=1)


def _ensemble(
    trees: Sequence[_Tree], source: str, result: str, *, outputs: int, how: str, start: Array | None = None
) -> NodeProto:
    sizes = [len(tree.feature) for tree in trees]
    leaf, width = np.concatenate([tree.leaf for tree in trees]), trees[0].values.shape[1]
    tree_ids = np.repeat(np.arange(len(trees)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])

    def inner(name: str) -> Array:
        """Values of the splits; the operator wants a number for leaves too."""
        return np.where(leaf, 0, np.concatenate([getattr(tree, name) for tree in trees]))

    firsts = np.repeat([tree.first for tree in trees], [int(tree.leaf.sum()) for tree in trees])
    base = {} if start is None else {"base_values": start.astype(np.float32).tolist()}
    return helper.make_node(
        "TreeEnsembleRegressor",
        [source],
        [result],
        name="trees",
        domain=_ML,
        n_targets=outputs,
        aggregate_function=how,
        nodes_treeids=tree_ids.tolist(),
        nodes_nodeids=node_ids.tolist(),
        nodes_featureids=inner("feature").tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values=_float32_below(inner("threshold").astype(np.float64)).tolist(),
        nodes_truenodeids=inner("left").tolist(),
        nodes_falsenodeids=inner("right").tolist(),
        nodes_missing_value_tracks_true=inner("missing_left").tolist(),
        target_treeids=np.repeat(tree_ids[leaf], width).tolist(),
        target_nodeids=np.repeat(node_ids[leaf], width).tolist(),
        target_ids=(firsts[:, None] + np.arange(width)).ravel().tolist(),
        target_weights=np.concatenate([tree.values[tree.leaf] for tree in trees]).astype(np.float32).ravel().tolist(),
        **base,
    )


def _float32_below(values: Array) -> Array:
    """Find the largest float32 that is not above each float64, so that x ≤ value is the same for float32 x."""
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    return np.where(near <= values, near, np.nextafter(near, np.float32(-np.inf)))
