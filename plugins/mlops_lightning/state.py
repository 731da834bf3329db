"""Where a fit is, beside the weights and the optimizer: all that a resumed fit needs to end the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

__all__ = ["Best", "Curves", "State"]


@dataclass
class Curves:
    """One value an epoch."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)

    def known(self) -> dict[str, list[float]]:
        """Give the curves that have values."""
        return {name: list(curve) for name, curve in vars(self).items() if curve}


@dataclass
class Best:
    """The epoch with the lowest validation loss so far."""

    loss: float = math.inf
    epoch: int = -1
    weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class State:
    """Counters, sums and curves of a fit."""

    epoch: int = 0
    """Epochs that are done."""

    step: int = 0
    """Steps of the current epoch that are done."""

    steps: int = 0
    """Steps of the whole fit that are done."""

    loss_sum: float = 0.0
    loss_rows: int = 0
    """Sum of loss × rows over the current epoch, and the rows."""

    norm_sum: float = 0.0
    norm_count: int = 0
    """Gradient norms that were looked at in the current epoch."""

    waited: int = 0
    """Epochs since the best."""

    stalled: int = 0
    """Epochs since the best, or since the learning rate was lowered."""

    damping: float = 1.0
    """What plateau has made of the learning rate."""

    stopped: bool = False
    """Whether training ended before its last epoch."""

    seconds: float = 0.0
    """Time that training has taken, that of killed attempts included."""

    rows: int = 0
    """Rows that were trained on."""

    best: Best = field(default_factory=Best)
    curves: Curves = field(default_factory=Curves)

    def to_tree(self) -> dict[str, Any]:
        """Give it as numbers, lists and tensors."""
        return {**vars(self), "best": dict(vars(self.best)), "curves": dict(vars(self.curves))}

    def restore(self, tree: Mapping[str, Any]) -> None:
        """Take what `to_tree` gave."""
        plain = {name: value for name, value in tree.items() if name not in ("best", "curves")}
        vars(self).update(plain, best=Best(**tree["best"]), curves=Curves(**tree["curves"]))
