"""Text as the numbers of its words in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.features import Block, Input
from mlops.formats.words import Words
from mlops_features.blocks import FittedBlock, slices
from mlops_features.text import NOTHING, UNKNOWN, Reading, Spelling, count_terms, reading_of
from mlops_features.text_options import Text

if TYPE_CHECKING:
    from mlops_features.nodes import Nodes

__all__ = ["TokensBlock", "fit_tokens"]


@dataclass(frozen=True)
class TokensBlock(FittedBlock):
    """The first words of each text as numbers; 0 after the last, 1 for a word that is not known."""

    opset: ClassVar[int] = 20

    column: str
    reading: Reading
    spelling: Spelling
    tokens: int
    """Words that are used."""

    @property
    def block(self) -> Block:
        """Kind and shape."""
        size = len(self.spelling.words) + UNKNOWN + 1
        return Block(name=self.column, kind="tokens", shape=(self.tokens,), vocabulary=size)

    def input(self) -> Input:
        """Describe the raw column as the graph takes it."""
        return self.reading.input()

    @property
    def example(self) -> str:
        """The most frequent words."""
        return self.reading.example

    def prepare(self, values: pl.Series) -> pl.Series:
        """Prepare raw values: an array of float32 a row, of the block's width."""
        made = np.full((len(values), self.tokens), NOTHING, dtype=np.float32)
        for start, some in slices(values):
            found = self.spelling.find(some, words=self.reading.words)
            places = np.arange(len(found.rows)) - np.searchsorted(found.rows, found.rows)
            used = places < self.tokens
            made[start + found.rows[used], places[used]] = found.numbers[used]
        return pl.Series(self.column, made)

    def emit(self, nodes: Nodes) -> str:
        """Add nodes from the input to float32 (rows, width), and name that value."""
        from mlops_features.text_nodes import each_text

        return each_text(nodes, self.column, spelling=self.spelling, summary=self._first, width=self.tokens)

    def _first(self, body: Nodes, numbers: str) -> str:
        """Cut or fill up the numbers of one text."""
        from onnx import TensorProto

        filled = body.add("Concat", numbers, body.constant([NOTHING] * self.tokens, np.int64), axis=0)
        ends = (body.constant([end], np.int64) for end in (0, self.tokens))
        return body.add("Cast", body.add("Slice", filled, *ends), to=TensorProto.FLOAT)


def fit_tokens(values: pl.Series, *, options: Text) -> TokensBlock:
    """Learn the vocabulary from train rows.

    Raises:
        StageError: no word occurs in enough rows.
    """
    words = Words(pattern=options.pattern, lowercase=options.lowercase)
    counted = count_terms(values, words=words, ngrams=(1, 1))
    kept = counted.filter(pl.col("documents") >= options.min_documents)
    known = kept["term"].head(options.vocabulary - UNKNOWN - 1).to_list()
    if not known:
        raise StageError(
            f"no word of the column {values.name!r} occurs in {options.min_documents:,} train rows",
            where="features.text.min_documents",
            fix="lower it, or see whether features.text.pattern finds words",
        )
    return TokensBlock(
        column=values.name,
        reading=reading_of(values, options=options, terms=known),
        spelling=Spelling(tuple(known)),
        tokens=options.max_tokens,
    )
