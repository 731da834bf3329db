"""A text as the mean of its words."""

from __future__ import annotations

import torch
from onnx import TensorProto
from torch import Tensor, nn
from torch.nn import functional

from mlops_lightning.networks.layers import Layer
from mlops_lightning.networks.onnx_nodes import Nodes
from mlops_lightning.networks.token_input import NOTHING, TokenInput

__all__ = ["TextBag"]

_FACTOR = 65_599
"""Multiplies a pair's first word; a prime, so that pairs spread over the buckets."""


class TextBag(Layer):
    """fastText: the mean of the vectors of words and of pairs of neighbours; (rows, features) → (rows, width).

    Joulin, Grave, Bojanowski & Mikolov (2017), "Bag of Tricks for Efficient Text Classification".
    Pairs share so many vectors by a hash. A text without words gives 0.
    """

    def __init__(self, tokens: TokenInput, vocabulary: int, width: int, *, buckets: int) -> None:
        super().__init__()
        self.tokens = tokens
        self._vocabulary = vocabulary
        self._buckets = buckets
        self.vectors = nn.Parameter(torch.empty(vocabulary + buckets, width).uniform_(-1 / width, 1 / width))
        with torch.no_grad():
            self.vectors[NOTHING].zero_()

    def forward(self, value: Tensor) -> Tensor:
        """Average."""
        words = self.tokens(value)
        return functional.embedding_bag(self._with_pairs(words), self.vectors, mode="mean", padding_idx=NOTHING)

    def emit(self, nodes: Nodes, value: str) -> str:
        """Average; the vector of nothing is 0, so a sum over it changes nothing."""
        places = self._emit_with_pairs(nodes, self.tokens.emit(nodes, value))
        found = nodes.add("Gather", nodes.weight(self.vectors), places, axis=0)
        axes = nodes.integers([1])
        present = nodes.add("Cast", nodes.add("Greater", places, nodes.integers(NOTHING)), to=TensorProto.FLOAT)
        count = nodes.add("Max", nodes.add("ReduceSum", present, axes), nodes.numbers(1.0))
        return nodes.add("Div", nodes.add("ReduceSum", found, axes, keepdims=0), count)

    def _with_pairs(self, words: Tensor) -> Tensor:
        if not self._buckets or words.shape[1] < 2:  # noqa: PLR2004 - a pair
            return words
        first, second = words[:, :-1], words[:, 1:]
        places = (first * _FACTOR + second) % self._buckets + self._vocabulary
        return torch.cat([words, torch.where(second != NOTHING, places, NOTHING)], dim=1)

    def _emit_with_pairs(self, nodes: Nodes, words: str) -> str:
        if not self._buckets:
            return words
        axis, last = nodes.integers([1]), nodes.integers([2**62])
        first = nodes.add("Slice", words, nodes.integers([0]), nodes.integers([-1]), axis)
        second = nodes.add("Slice", words, axis, last, axis)
        mixed = nodes.add("Add", nodes.add("Mul", first, nodes.integers(_FACTOR)), second)
        places = nodes.add("Mod", mixed, nodes.integers(self._buckets))
        places = nodes.add("Add", places, nodes.integers(self._vocabulary))
        there = nodes.add("Greater", second, nodes.integers(NOTHING))
        return nodes.add("Concat", words, nodes.add("Where", there, places, nodes.integers(NOTHING)), axis=1)
