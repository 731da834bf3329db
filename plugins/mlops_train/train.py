"""The stage that fits a model family on prepared features."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from mlops import formats
from mlops.formats.model import Estimator
from mlops.stage import Choice, Context, Machine, Stage

__all__ = ["Train"]


class Train(Stage):
    """Fit a model on the train part, stopping early on validation; predict validation and test with it."""

    libraries: ClassVar[tuple[str, ...]] = ("polars", "numpy")

    model: Estimator
    """The model family and its hyperparameters; usually ``${model}``, the recipe's choice of ``model=``."""

    def resolve(self, machine: Machine) -> tuple[Choice, ...]:
        """Say what the model leaves open."""
        return tuple(replace(item, key=f"model.{item.key}") for item in self.model.resolve(machine))

    def run(self, prepared: formats.Prepared, *, context: Context) -> formats.Model:
        """Fit, predict, write."""
        from mlops_train.fitting import train

        return train(self.model, prepared, context=context)
