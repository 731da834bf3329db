"""The family of multilayer perceptrons as a recipe describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.tables import TableEstimator

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MLP"]


class MLP(TableEstimator):
    """Multilayer perceptron: the simplest network for tables, and the quickest (Gorishniy et al. 2021)."""

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256, 256)
    """Width of each hidden layer; none makes a linear model."""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of each hidden layer that is dropped at each step of training."""

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Linear-ReLU-Dropout for each hidden layer, then linear."""
        from mlops_lightning.networks.mlp import MLPNetwork

        outputs = max(len(facts.classes), 1)
        return MLPNetwork(self.inputs(facts, statistics), self.hidden, dropout=self.dropout, outputs=outputs)
