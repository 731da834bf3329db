"""The family of small convolutional networks as a recipe describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.images import ImageEstimator

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CNN"]


class CNN(ImageEstimator):
    """Small convolutional network for images (LeCun et al. 1998, with batch normalisation)."""

    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(32, 64, 128), min_length=1)
    """Channels of each stage; the image halves from stage to stage while it is large enough."""

    convolutions: int = Field(default=1, ge=1)
    """How many convolutions in a stage."""

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Stages of convolutions, the mean of each channel, linear."""
        from mlops_lightning.networks.cnn import cnn

        body, width = cnn(self.image(facts).shape, self.channels, convolutions=self.convolutions)
        return self.with_body(body, width, facts=facts, statistics=statistics)
