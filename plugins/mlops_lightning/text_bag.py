"""The family of bags of words as a recipe describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.texts import TextEstimator

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TextBag"]


class TextBag(TextEstimator):
    """The mean of the vectors of words and of pairs of words (fastText, Joulin et al. 2017): very quick."""

    width: int = Field(default=64, ge=1)
    """Numbers that each word becomes."""

    buckets: int = Field(default=10_000, ge=0)
    """Vectors shared by pairs of neighbouring words; 0 leaves pairs out."""

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Mean of vectors, linear."""
        from mlops_lightning.networks.text_bag import TextBag as Reader

        reader = Reader(self.tokens(facts), self.text(facts).vocabulary, self.width, buckets=self.buckets)
        return self.with_reader(reader, self.width, facts=facts, statistics=statistics)
