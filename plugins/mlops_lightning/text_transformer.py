"""The family of small transformers as a recipe describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.texts import TextEstimator

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TextTransformer"]


class TextTransformer(TextEstimator):
    """Small transformer encoder over the words of a text (Vaswani et al. 2017), trained from nothing."""

    width: int = Field(default=64, ge=1)
    """Numbers that each word becomes; a multiple of ``heads``."""

    heads: int = Field(default=2, ge=1)
    """How many things a word can attend to at once."""

    layers: int = Field(default=1, ge=1)
    """Encoder layers; time grows with each."""

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.heads:
            nearest = self.heads * max(round(self.width / self.heads), 1)
            raise PydanticCustomError(
                "heads",
                "{heads} heads do not divide a width of {width}",
                {"heads": self.heads, "width": self.width, "fix": f"set width to {nearest}"},
            )
        return self

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Words at their positions, encoder layers, mean, linear.

        Raises:
            StageError: there is no text.
        """
        from mlops_lightning.networks.text_transformer import TextTransformer as Reader

        block = self.text(facts)
        reader = Reader(
            self.tokens(facts),
            vocabulary=block.vocabulary,
            length=block.width,
            width=self.width,
            heads=self.heads,
            layers=self.layers,
            dropout=self.dropout,
        )
        return self.with_reader(reader, self.width, facts=facts, statistics=statistics)
