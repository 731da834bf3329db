"""The base for a user's own LightningModule as a model family."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import NeuralEstimator, Statistics

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule
    from torch import nn

__all__ = ["LightningEstimator"]


class LightningEstimator(NeuralEstimator):
    """A LightningModule of one's own: subclass this in the project's ``plugins/`` and give the module.

    class Mine(LightningEstimator):
        width: int = 64
        def module(self, facts):
            from mine_module import MineModule
            return MineModule(len(facts.features), self.width, max(1, len(facts.classes)))

    Its ``forward(features)`` gives raw outputs: one logit a class (two for binary), or one
    standardised value. A ``training_step(batch)`` of its own gets (features, target), and row weights
    as a third where rows or classes are weighed, and needs a ``configure_optimizers`` of its own;
    `optimizer`, `lr`, `schedule`, `loss` and `label_smoothing` then have no effect on training. Without a
    ``training_step`` it is trained as the families of this package are. A value logged as
    ``validation_loss`` in a ``validation_step`` decides on stopping; without one the loss of its outputs does.
    """

    @abstractmethod
    def module(self, facts: PreparedFacts) -> LightningModule:
        """Make the module; it is made again from the same fields when a saved model is loaded."""

    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Give the module; what it needs to know of the rows it learns itself."""
        del statistics
        return self.module(facts)
