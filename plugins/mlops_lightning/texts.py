"""What all families of networks for texts have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.blocks import one_block
from mlops_lightning.estimator import NeuralEstimator, Statistics

if TYPE_CHECKING:
    from torch import nn

    from mlops_lightning.networks.layers import Layer
    from mlops_lightning.networks.token_input import TokenInput

__all__ = ["TextEstimator"]


class TextEstimator(NeuralEstimator):
    """A family of networks that read one text a row, and what stands beside it."""

    word_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the words that are made unknown at each step of training, so that unknown words are learnt too."""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of numbers that is dropped at each step of training."""

    category_width: int = Field(default=8, ge=1)
    """Numbers that each category beside the text becomes."""

    def text(self, facts: PreparedFacts) -> Block:
        """Find the text.

        Raises:
            StageError: there is none or more than one.
        """
        return one_block(facts, "tokens", reader=type(self).__name__)

    def tokens(self, facts: PreparedFacts) -> TokenInput:
        """Make the layer that takes the words."""
        from mlops_lightning.networks.token_input import TokenInput

        return TokenInput(facts, self.text(facts), dropout=self.word_dropout)

    def with_reader(self, reader: Layer, width: int, *, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Put a head on a reader that makes so many numbers of a text."""
        from mlops_lightning.networks.joined import with_head
        from mlops_lightning.networks.table_input import Embedding, TableInput

        embedding = Embedding(category_width=self.category_width)
        beside = TableInput(facts, statistics, embedding, apart=self.text(facts))
        return with_head(reader, width, beside, dropout=self.dropout, outputs=max(len(facts.classes), 1))
