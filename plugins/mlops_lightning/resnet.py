"""The family of residual networks for tables as a recipe describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.tables import TableEstimator

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ResNet"]


class ResNet(TableEstimator):
    """Residual network for tables (Gorishniy et al. 2021): deeper than an MLP where that helps."""

    width: int = Field(default=96, ge=1)
    """Numbers a row between blocks."""

    blocks: int = Field(default=2, ge=1)
    """How many residual blocks."""

    expansion: float = Field(default=2.0, gt=0)
    """How many times wider a block is inside."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of a block's inside that is dropped at each step of training."""

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Linear, residual blocks, linear."""
        from mlops_lightning.networks.resnet import ResNetNetwork

        return ResNetNetwork(
            self.inputs(facts, statistics),
            width=self.width,
            hidden=max(round(self.width * self.expansion), 1),
            blocks=self.blocks,
            dropout=self.dropout,
            outputs=max(len(facts.classes), 1),
        )
