"""A small transformer encoder over the words of a text."""

from __future__ import annotations

from typing import cast

import torch
from onnx import TensorProto
from torch import Tensor, nn
from torch.nn import functional

from mlops_lightning.networks.layers import Chain, Dropout, Layer, LayerNorm, Linear, Relu
from mlops_lightning.networks.onnx_nodes import Nodes
from mlops_lightning.networks.token_input import NOTHING, TokenInput

__all__ = ["TextTransformer"]


class TextTransformer(Layer):
    """Attention over words, and the mean of what it gives: (rows, features) → (rows, width).

    Vaswani et al. (2017), "Attention Is All You Need", with learnt positions and with the
    normalisation before each branch (Xiong et al. 2020), which trains without a long warm-up.

    Args:
        tokens: gives the words.
        vocabulary: how many different words there are.
        length: most words of a text.
        width: numbers a word.
        heads: divide the width.
        layers: how many encoder layers.
        dropout: share of the numbers dropped where words enter and where a branch ends.
    """

    def __init__(  # noqa: PLR0913 - the numbers of a transformer
        self, tokens: TokenInput, *, vocabulary: int, length: int, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.words = nn.Parameter(torch.randn(vocabulary, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.02)
        self.dropped = Dropout(dropout)
        self.layers = nn.ModuleList(_EncoderLayer(width, heads, dropout=dropout) for _ in range(layers))
        self.norm = LayerNorm(width)

    def forward(self, value: Tensor) -> Tensor:
        """Read words at their positions, attend, average over the words that are there."""
        words = self.tokens(value)
        seen = self.dropped(functional.embedding(words, self.words) + self.positions[: words.shape[1]])
        there = words != NOTHING
        # Attention over nothing is NaN: in a text without words the first place is attended to.
        attended = there.clone()
        attended[:, 0] = True
        for layer in self.layers:
            seen = layer(seen, attended)
        share = there.to(seen.dtype)
        share = share / share.sum(dim=1, keepdim=True).clamp(min=1)
        mean: Tensor = (self.norm(seen) * share.unsqueeze(-1)).sum(dim=1)
        return mean

    def emit(self, nodes: Nodes, value: str) -> str:
        """Read words at their positions, attend, average over the words that are there."""
        words = self.tokens.emit(nodes, value)
        there = nodes.add("Greater", words, nodes.integers(NOTHING))
        length = nodes.add("Shape", words, start=1, end=2)
        positions = nodes.add("Slice", nodes.weight(self.positions), nodes.integers([0]), length, nodes.integers([0]))
        seen = nodes.add("Add", nodes.add("Gather", nodes.weight(self.words), words, axis=0), positions)
        mask = _emit_mask(nodes, there, length)
        for layer in self.layers:
            seen = cast("_EncoderLayer", layer).emit(nodes, seen, mask)
        axes = nodes.integers([1])
        share = nodes.add("Unsqueeze", nodes.add("Cast", there, to=TensorProto.FLOAT), nodes.integers([2]))
        count = nodes.add("Max", nodes.add("ReduceSum", share, axes), nodes.numbers(1.0))
        kept = nodes.add("Mul", self.norm.emit(nodes, seen), nodes.add("Div", share, count))
        return nodes.add("ReduceSum", kept, axes, keepdims=0)


def _emit_mask(nodes: Nodes, there: str, length: str) -> str:
    """What is added to the attention to each word: 0, or very little where there is none; (rows, 1, 1, words)."""
    zero, one = nodes.integers([0]), nodes.integers([1])
    places = nodes.add("Range", nodes.integers(0), nodes.add("Squeeze", length, zero), nodes.integers(1))
    attended = nodes.add("Or", there, nodes.add("Less", places, one))
    added = nodes.add("Where", attended, nodes.numbers(0.0), nodes.numbers(-1e9))
    return nodes.add("Unsqueeze", added, nodes.integers([1, 2]))


class _EncoderLayer(nn.Module):
    """Attention, then two linear maps, each a branch behind a normalisation: (rows, words, width) → the same."""

    def __init__(self, width: int, heads: int, *, dropout: float) -> None:
        super().__init__()
        self._heads = heads
        self.norm = LayerNorm(width)
        self.asked = Linear(width, 3 * width, axes=3)
        self.given = Linear(width, width, axes=3)
        self.dropped = Dropout(dropout)
        inner, outer = Linear(width, 2 * width, axes=3), Linear(2 * width, width, axes=3)
        self.mapped = Chain([LayerNorm(width), inner, Relu(), outer, Dropout(dropout)])

    def forward(self, value: Tensor, attended: Tensor) -> Tensor:
        """Attend only to words that are there, given as bool (rows, words)."""
        rows, words, width = value.shape
        asked = self.asked(self.norm(value)).view(rows, words, 3, self._heads, width // self._heads)
        query, key, content = asked.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, content, attn_mask=attended[:, None, None, :])
        value = value + self.dropped(self.given(found.transpose(1, 2).reshape(rows, words, width)))
        made: Tensor = value + self.mapped(value)
        return made

    def emit(self, nodes: Nodes, value: str, mask: str) -> str:
        """Attend, with what the mask adds."""
        width = self.given.in_features
        normed = self.norm.emit(nodes, value)
        query, content = (self._emit_asked(nodes, normed, part, perm=[0, 2, 1, 3]) for part in (0, 2))
        key = self._emit_asked(nodes, normed, 1, perm=[0, 2, 3, 1])
        scale = nodes.numbers((width // self._heads) ** -0.5)
        likeness = nodes.add("Add", nodes.add("Mul", nodes.add("MatMul", query, key), scale), mask)
        found = nodes.add("MatMul", nodes.add("Softmax", likeness, axis=-1), content)
        found = nodes.reshape(nodes.add("Transpose", found, perm=[0, 2, 1, 3]), 0, 0, width)
        value = nodes.add("Add", value, self.given.emit(nodes, found))
        return nodes.add("Add", value, self.mapped.emit(nodes, value))

    def _emit_asked(self, nodes: Nodes, value: str, part: int, *, perm: list[int]) -> str:
        """Queries (0), keys (1) or contents (2), a head at a time."""
        width = self.given.in_features
        own = slice(part * width, (part + 1) * width)
        product = nodes.add("MatMul", value, nodes.weight(self.asked.weight[own].T))
        made = nodes.add("Add", product, nodes.weight(self.asked.bias[own]))
        return nodes.add("Transpose", nodes.reshape(made, 0, 0, self._heads, width // self._heads), perm=perm)
