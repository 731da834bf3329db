"""What one fit in one process is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mlops.formats.features import PreparedFacts
from mlops_lightning.averaging import Averages
from mlops_lightning.estimator import NeuralEstimator
from mlops_lightning.job import Report
from mlops_lightning.loaders import Loader, RowBatch, Steps
from mlops_lightning.losses import Objective
from mlops_lightning.resolving import Resolved
from mlops_lightning.schedules import factor
from mlops_lightning.state import State

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """The pieces of a fit; only `state`, `averages` and the network change while it runs."""

    options: NeuralEstimator
    facts: PreparedFacts
    hardware: Resolved
    network: nn.Module
    objective: Objective
    steps: Steps
    loader: Loader
    validation: Callable[[], Iterator[RowBatch]] | None
    """Gives this process's share of the validation rows, batch by batch; None when there are none."""

    averages: Averages
    state: State
    seed: int
    report: Report
    keep: Path
    """Folder for what a person should see of a fit that failed."""

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def passes(self) -> int:
        """Parts into which a step is cut, so that it fits into memory."""
        return self.hardware.accumulate

    def lr(self) -> float:
        """Learning rate of the next step."""
        options = self.options
        total = self.steps.count * options.epochs
        shape = factor(options.schedule, min(self.state.steps, total - 1), total=total, warmup=options.warmup)
        return options.lr * shape * self.state.damping

    def arithmetic(self) -> AbstractContextManager[None]:
        """Compute the forward pass in the precision that was chosen.

        Entered anew for each step: while it is open, torch keeps casts of weights, which a step outdates.
        """
        if self.hardware.precision == "fp32":
            return nullcontext()
        dtype = torch.bfloat16 if self.hardware.precision == "bf16" else torch.float16
        return torch.autocast(self.device.type, dtype=dtype)
