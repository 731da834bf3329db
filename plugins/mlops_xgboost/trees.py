"""XGBoost's trees as the flat arrays of the ONNX operator TreeEnsemble (ai.onnx.ml 5).

The operator is written directly, so that each row reaches the leaf to which XGBoost takes it: float32
thresholds are compared by ``<`` as they are, a group of categories becomes one set-membership node (so
partition splits stay what they are), and a missing value goes the way that training learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

__all__ = ["Forest"]

LESS, MEMBER = 1, 6
"""Node modes of the operator."""

Integers = np.ndarray[Any, np.dtype[np.int64]]
Singles = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False)
class Nodes:
    """Splits and leaves of a tree or a forest, one entry each; the names follow the operator's attributes."""

    feature: Integers
    mode: Integers
    split: Singles
    missing_true: Integers
    true_id: Integers
    true_leaf: Integers
    false_id: Integers
    false_leaf: Integers
    members: Singles
    """The categories of each set in turn, a NaN after each set."""

    leaf_weight: Singles
    leaf_target: Integers

    @classmethod
    def joined(cls, parts: Iterable[Nodes]) -> Self:
        """Put trees one after the other."""
        each = [vars(part) for part in parts]
        return cls(**{name: np.concatenate([values[name] for values in each]) for name in each[0]})


@dataclass(frozen=True, eq=False)
class Forest:
    """All trees, and what is added to their sum."""

    nodes: Nodes
    roots: Integers
    """First node of each tree."""

    outputs: int
    features: int
    base: Singles
    """(outputs,) or (1,): the margin of a row before any tree."""

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> Self:
        """Read the JSON that XGBoost saves."""
        learner = model["learner"]
        parameters, grown = learner["learner_model_param"], learner["gradient_booster"]["model"]
        trees: list[Nodes] = []
        roots, leaves = [0], 0
        for tree, target in zip(grown["trees"], grown["tree_info"], strict=True):
            trees.append(_tree(tree, target=target, first_node=roots[-1], first_leaf=leaves))
            roots.append(roots[-1] + len(trees[-1].feature))
            leaves += len(trees[-1].leaf_weight)
        return cls(
            nodes=Nodes.joined(trees),
            roots=np.array(roots[:-1], np.int64),
            outputs=max(1, int(parameters["num_class"])),
            features=int(parameters["num_feature"]),
            base=_base(parameters["base_score"], objective=learner["objective"]["name"]),
        )


def _base(written: str, *, objective: str) -> Singles:
    """Read ``[4.2E-1]``, or ``4.2E-1`` as XGBoost 3.0 writes it; of the logistic objective it is a probability."""
    value = np.array([float(part) for part in written.strip("[]").split(",")], np.float64)
    if objective == "binary:logistic":
        value = np.log(value / (1 - value))
    return value.astype(np.float32)


def _tree(tree: Mapping[str, Any], *, target: int, first_node: int, first_leaf: int) -> Nodes:
    """Number a tree's splits from ``first_node`` and its leaves from ``first_leaf``."""
    left, right = np.array(tree["left_children"], np.int64), np.array(tree["right_children"], np.int64)
    values = np.array(tree["split_conditions"], np.float32)
    reached = _reached(left, right)
    split, leaf = reached & (left >= 0), reached & (left < 0)
    if not split.any():
        return _stump(values[0], target=target, first_leaf=first_leaf)
    place = np.where(split, first_node + np.cumsum(split) - 1, first_leaf + np.cumsum(leaf) - 1)
    by_category = np.array(tree["split_type"], np.int64) == 1
    # XGBoost sends the categories of a set to the right, and numbers below the threshold to the left.
    true, false = np.where(by_category, right, left)[split], np.where(by_category, left, right)[split]
    to_left = np.array(tree["default_left"], np.int64) == 1
    return Nodes(
        feature=np.array(tree["split_indices"], np.int64)[split],
        mode=np.where(by_category, MEMBER, LESS)[split],
        split=np.where(by_category, np.float32(0), values)[split],
        missing_true=(to_left != by_category)[split].astype(np.int64),
        true_id=place[true],
        true_leaf=leaf[true].astype(np.int64),
        false_id=place[false],
        false_leaf=leaf[false].astype(np.int64),
        members=_members(tree, split),
        leaf_weight=values[leaf],
        leaf_target=np.full(leaf.sum(), target, np.int64),
    )


def _reached(left: Integers, right: Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell the nodes that hang on the root from pruned ones, which stay in the lists."""
    found = np.zeros(len(left), bool)
    level = np.array([0], np.int64)
    while level.size:
        found[level] = True
        inner = level[left[level] >= 0]
        level = np.concatenate([left[inner], right[inner]])
    return found


def _members(tree: Mapping[str, Any], split: np.ndarray[Any, np.dtype[np.bool_]]) -> Singles:
    sets = sorted(zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True))
    found: list[float] = []
    for node, start, size in sets:
        if split[node]:
            found += [*map(float, tree["categories"][start : start + size]), np.nan]
    return np.array(found, np.float32)


def _stump(value: np.float32, *, target: int, first_leaf: int) -> Nodes:
    """Make a tree of one leaf: the operator wants a split, so both its sides are that leaf."""
    zero, one, leaf = (np.array([number], np.int64) for number in (0, 1, first_leaf))
    return Nodes(
        feature=zero,
        mode=np.array([LESS], np.int64),
        split=np.zeros(1, np.float32),
        missing_true=zero,
        true_id=leaf,
        true_leaf=one,
        false_id=leaf,
        false_leaf=one,
        members=np.zeros(0, np.float32),
        leaf_weight=np.array([value], np.float32),
        leaf_target=np.array([target], np.int64),
    )
