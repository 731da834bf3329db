"""The words of a text in a row of features."""

from __future__ import annotations

import torch
from onnx import TensorProto
from torch import Tensor

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.networks.columns import span
from mlops_lightning.networks.layers import Layer
from mlops_lightning.networks.onnx_nodes import Nodes

__all__ = ["NOTHING", "UNKNOWN", "TokenInput"]

NOTHING, UNKNOWN = 0, 1


class TokenInput(Layer):
    """(rows, features) → word numbers int64 (rows, words), 0 after a text's last word.

    As many columns stay as the longest text of the rows has words, at least 1: the rest would be
    nothing but 0. A number that is in no vocabulary is an unknown word. In training a share of the
    words is made unknown by chance; the word dropout of Iyyer et al. (2015) leaves them out instead.
    """

    def __init__(self, facts: PreparedFacts, block: Block, *, dropout: float) -> None:
        super().__init__()
        self._span = span(facts, block)
        self._vocabulary = block.vocabulary
        self._dropout = dropout

    def forward(self, value: Tensor) -> Tensor:
        """Take the block, cut, make unknown."""
        given = value[:, self._span.start : self._span.stop]
        known = (given >= 0) & (given < self._vocabulary)
        words = _cut(torch.where(known, given, UNKNOWN).long())
        if self.training and self._dropout:
            lost = (torch.rand(words.shape, device=words.device) < self._dropout) & (words != NOTHING)
            words = torch.where(lost, UNKNOWN, words)
        return words

    def emit(self, nodes: Nodes, value: str) -> str:
        """Take the block, cut."""
        given = nodes.columns(value, self._span)
        size = nodes.numbers(self._vocabulary)
        known = nodes.add("And", nodes.add("GreaterOrEqual", given, nodes.numbers(0)), nodes.add("Less", given, size))
        words = nodes.add("Cast", nodes.add("Where", known, given, nodes.numbers(UNKNOWN)), to=TensorProto.INT64)
        ends = nodes.integers([range(1, len(self._span) + 1)])
        present = nodes.add("Cast", nodes.add("Greater", words, nodes.integers(NOTHING)), to=TensorProto.INT64)
        longest = nodes.add("ReduceMax", nodes.add("Mul", present, ends), keepdims=0)
        end = nodes.reshape(nodes.add("Max", longest, nodes.integers(1)), 1)
        return nodes.add("Slice", words, nodes.integers([0]), end, nodes.integers([1]))


def _cut(words: Tensor) -> Tensor:
    """Drop columns that are 0 in all rows, behind the last that is not; a compiled graph keeps its shape."""
    if torch.compiler.is_compiling() or not len(words):
        return words
    used = torch.nonzero((words != NOTHING).any(dim=0))
    return words[:, : int(used[-1]) + 1 if len(used) else 1]
