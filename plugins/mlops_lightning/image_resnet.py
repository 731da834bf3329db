"""The family of residual networks for images as a recipe describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.images import ImageEstimator

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ImageResNet"]


class ImageResNet(ImageEstimator):
    """Residual network for small images (He et al. 2016): better than `CNN` with many images, and slower."""

    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(16, 32, 64), min_length=1)
    """Channels of each stage; each stage after the first halves the image."""

    blocks: int = Field(default=1, ge=1)
    """Residual blocks of two convolutions in a stage: 3 makes ResNet-20."""

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """A convolution, stages of residual blocks, the mean of each channel, linear."""
        from mlops_lightning.networks.image_resnet import image_resnet

        body, width = image_resnet(self.image(facts).shape[0], self.channels, blocks=self.blocks)
        return self.with_body(body, width, facts=facts, statistics=statistics)
