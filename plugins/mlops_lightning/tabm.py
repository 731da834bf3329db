"""The TabM family as a recipe describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.tables import TableEstimator

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TabM"]


class TabM(TableEstimator):
    """Many perceptrons in one, averaged (Gorishniy et al. 2024): in their tests better than `MLP`, and slower."""

    members: int = Field(default=16, ge=1)
    """How many perceptrons; each costs as much time as one, but little memory for weights."""

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (128, 128)
    """Width of each hidden layer."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of each hidden layer that is dropped at each step of training."""

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Factors of each member, shared hidden layers, a head for each member."""
        from mlops_lightning.networks.tabm import TabMNetwork

        return TabMNetwork(
            self.inputs(facts, statistics),
            self.hidden,
            members=self.members,
            dropout=self.dropout,
            outputs=max(len(facts.classes), 1),
        )
