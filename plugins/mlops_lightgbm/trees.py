"""LightGBM's trees as the flat lists of the ONNX operator TreeEnsemble (ai.onnx.ml 5).

The operator is written directly, for three reasons of exactness: a threshold is rounded *down* to
float32, so that a float32 value falls on the same side as with the float64 threshold; a split on
categories becomes one set-membership node; and a missing value goes where LightGBM sends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Forest", "float32_below"]

LESS_OR_EQUAL, MEMBER = 0, 6
"""Node modes of the operator."""


def float32_below(value: float) -> float:
    """Find the largest float32 that is not above a float64, so that x ≤ value is the same for every float32 x."""
    with np.errstate(over="ignore"):
        near = np.float32(value)
    return float(near if float(near) <= value else np.nextafter(near, np.float32(-np.inf)))


@dataclass
class Forest:
    """Nodes and leaves of all trees, one entry each; the names are the operator's attributes."""

    outputs: int
    nodes_featureids: list[int] = field(default_factory=list)
    nodes_splits: list[float] = field(default_factory=list)
    nodes_modes: list[int] = field(default_factory=list)
    nodes_truenodeids: list[int] = field(default_factory=list)
    nodes_trueleafs: list[int] = field(default_factory=list)
    nodes_falsenodeids: list[int] = field(default_factory=list)
    nodes_falseleafs: list[int] = field(default_factory=list)
    nodes_missing_value_tracks_true: list[int] = field(default_factory=list)
    leaf_targetids: list[int] = field(default_factory=list)
    leaf_weights: list[float] = field(default_factory=list)
    membership_values: list[float] = field(default_factory=list)
    tree_roots: list[int] = field(default_factory=list)

    def add_tree(self, tree: Mapping[str, Any]) -> None:
        """Add one tree of LightGBM's JSON model; tree i adds to output i modulo the outputs."""
        target = tree["tree_index"] % self.outputs
        self.tree_roots.append(len(self.nodes_modes))
        waiting: list[tuple[Mapping[str, Any], int, str]] = [(tree["tree_structure"], -1, "")]
        while waiting:
            structure, parent, side = waiting.pop()
            if "split_index" in structure:
                place = self._add_split(structure)
                waiting += [(structure["right_child"], place, "false"), (structure["left_child"], place, "true")]
            else:
                place = self._add_leaf(structure["leaf_value"], target)
            self._link(parent, side, place, leaf="split_index" not in structure)

    def _add_split(self, structure: Mapping[str, Any]) -> int:
        if structure["decision_type"] == "==":
            # Each set ends with a NaN. A missing or unknown category is in no set.
            self.membership_values += [float(code) for code in str(structure["threshold"]).split("||")] + [np.nan]
            return self._add_node(structure["split_feature"], MEMBER, 0.0, missing=False)
        threshold = float32_below(structure["threshold"])
        # Where training saw no missing value, LightGBM reads one as 0.
        missing = structure["default_left"] if structure["missing_type"] == "NaN" else structure["threshold"] >= 0
        return self._add_node(structure["split_feature"], LESS_OR_EQUAL, threshold, missing=bool(missing))

    def _add_node(self, feature: int, mode: int, threshold: float, *, missing: bool) -> int:
        self.nodes_featureids.append(feature)
        self.nodes_modes.append(mode)
        self.nodes_splits.append(threshold)
        self.nodes_missing_value_tracks_true.append(int(missing))
        for links in (self.nodes_truenodeids, self.nodes_trueleafs, self.nodes_falsenodeids, self.nodes_falseleafs):
            links.append(0)
        return len(self.nodes_modes) - 1

    def _add_leaf(self, value: float, target: int) -> int:
        self.leaf_targetids.append(target)
        self.leaf_weights.append(value)
        return len(self.leaf_weights) - 1

    def _link(self, parent: int, side: str, place: int, *, leaf: bool) -> None:
        if parent < 0 and not leaf:
            return
        if parent < 0:
            # A tree of one leaf: the operator wants a node, so both its sides are that leaf.
            node = self._add_node(0, LESS_OR_EQUAL, 0.0, missing=False)
            self._link(node, "true", place, leaf=True)
            self._link(node, "false", place, leaf=True)
            return
        ids, leaves = {
            "true": (self.nodes_truenodeids, self.nodes_trueleafs),
            "false": (self.nodes_falsenodeids, self.nodes_falseleafs),
        }[side]
        ids[parent], leaves[parent] = place, int(leaf)
