"""Functions made of lines in ONNX: one ensemble of trees finds the piece, the line is computed on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlops_features.nodes import Nodes
from mlops_features.pieces import Pieces

__all__ = ["piece_values"]

_ML = "ai.onnx.ml"


@dataclass
class Trees:
    """One binary search a column, written down as the operator ``TreeEnsembleRegressor`` wants it."""

    width: int
    """Columns; each has three targets: where its piece starts, the value there, the slope."""

    tree: list[int] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    mode: list[str] = field(default_factory=list)
    edge: list[float] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    above: list[int] = field(default_factory=list)
    leaf_tree: list[int] = field(default_factory=list)
    leaf_node: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    root: int = 0
    """Place of the root of the tree that grows."""

    def grow(self, number: int, pieces: Pieces) -> None:
        """Add the tree of one column."""
        self.root = len(self.node)
        self._branch(number, pieces, first=0, last=len(pieces.values) - 1)

    def _branch(self, number: int, pieces: Pieces, *, first: int, last: int) -> int:
        """Add the nodes that tell pieces from the first to the last apart, and name their root."""
        place = len(self.node)
        node = place - self.root
        middle = (first + last) // 2
        self._add(number, node, leaf=first == last, edge=0.0 if first == last else pieces.edges[middle])
        if first == last:
            self._leaf(number, node, pieces, piece=first)
        else:
            self.below[place] = self._branch(number, pieces, first=first, last=middle)
            self.above[place] = self._branch(number, pieces, first=middle + 1, last=last)
        return node

    def _add(self, number: int, node: int, *, leaf: bool, edge: float) -> None:
        self.tree.append(number)
        self.node.append(node)
        self.column.append(number)
        self.mode.append("LEAF" if leaf else "BRANCH_LT")
        self.edge.append(edge)
        self.below.append(0)
        self.above.append(0)

    def _leaf(self, number: int, node: int, pieces: Pieces, *, piece: int) -> None:
        for which, numbers in enumerate((pieces.starts, pieces.values, pieces.slopes)):
            self.leaf_tree.append(number)
            self.leaf_node.append(node)
            self.target.append(which * self.width + number)
            self.weight.append(numbers[piece])


def piece_values(nodes: Nodes, matrix: str, columns: Sequence[Pieces]) -> str:
    """Compute a function of pieces for each column of float32 (rows, columns)."""
    trees = Trees(len(columns))
    for number, pieces in enumerate(columns):
        trees.grow(number, pieces)
    found = nodes.add(
        "TreeEnsembleRegressor",
        matrix,
        domain=_ML,
        n_targets=3 * len(columns),
        nodes_treeids=trees.tree,
        nodes_nodeids=trees.node,
        nodes_featureids=trees.column,
        nodes_modes=trees.mode,
        nodes_values=trees.edge,
        nodes_truenodeids=trees.below,
        nodes_falsenodeids=trees.above,
        target_treeids=trees.leaf_tree,
        target_nodeids=trees.leaf_node,
        target_ids=trees.target,
        target_weights=trees.weight,
    )
    ends = [(which * len(columns), (which + 1) * len(columns)) for which in range(3)]
    starts, values, slopes = (_columns(nodes, found, start=start, stop=stop) for start, stop in ends)
    return nodes.add("Add", values, nodes.add("Mul", nodes.add("Sub", matrix, starts), slopes))


def _columns(nodes: Nodes, matrix: str, *, start: int, stop: int) -> str:
    first, last, axis = (nodes.constant([number], np.int64) for number in (start, stop, 1))
    return nodes.add("Slice", matrix, first, last, axis)
