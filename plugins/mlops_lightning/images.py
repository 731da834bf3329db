"""What all families of networks for images have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.blocks import one_block
from mlops_lightning.estimator import NeuralEstimator, Statistics

if TYPE_CHECKING:
    from torch import nn

    from mlops_lightning.networks.layers import Layer

__all__ = ["ImageEstimator"]


class ImageEstimator(NeuralEstimator):
    """A family of networks that look at one image a row, and at what stands beside it."""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of what was seen that is dropped before the last layer at each step of training."""

    shift: int = Field(default=0, ge=0)
    """Most pixels by which images are moved in training, by chance in each direction."""

    flip: bool = False
    """Mirror every other image in training, left for right."""

    category_width: int = Field(default=8, ge=1)
    """Numbers that each category beside the image becomes."""

    def image(self, facts: PreparedFacts) -> Block:
        """Find the image.

        Raises:
            StageError: there is none or more than one, or a text beside it.
        """
        found = one_block(facts, "image", reader=type(self).__name__)
        facts.refuse_tokens(type(self).__name__)
        return found

    def with_body(self, body: Layer, width: int, *, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Put a body of so many numbers between the image and the head."""
        from mlops_lightning.networks.image_input import Augment, ImageInput
        from mlops_lightning.networks.joined import with_head
        from mlops_lightning.networks.layers import Chain
        from mlops_lightning.networks.table_input import Embedding, TableInput

        block = self.image(facts)
        reader = Chain([ImageInput(facts, block), Augment(shift=self.shift, flip=self.flip), body])
        beside = TableInput(facts, statistics, Embedding(category_width=self.category_width), apart=block)
        return with_head(reader, width, beside, dropout=self.dropout, outputs=max(len(facts.classes), 1))
