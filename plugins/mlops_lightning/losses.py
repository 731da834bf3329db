"""What training minimises and validation compares, and how raw outputs become scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from mlops.formats.table import Task

__all__ = ["Objective", "scores_of"]

Kind = Literal["squared", "absolute", "huber"]

_MEMBERS = 3
"""Dimensions of the raw outputs of an ensemble: (rows, members, outputs)."""


def scores_of(raw: Tensor, task: Task) -> Tensor:
    """Turn raw outputs into scores.

    Args:
        raw: (rows, outputs), or (rows, members, outputs) of an ensemble.
        task: what kind of prediction it is.

    Returns:
        float64 (rows, outputs): probabilities, or standardised values; an ensemble's are the mean of its members'.
    """
    # In float32 a probability near 1 has no more than 7 digits; sums of a row are then off by as much.
    found = raw.double() if task == "regression" else torch.softmax(raw.double(), dim=-1)
    return found.mean(dim=1) if raw.dim() == _MEMBERS else found


@dataclass(frozen=True)
class Objective:
    """The loss of a task."""

    task: Task
    kind: Kind = "squared"
    """What regression minimises."""

    smoothing: float = 0.0
    """Share of the target's probability that is spread over all classes."""

    def training(self, raw: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Average loss of a batch; each member of an ensemble answers for itself.

        Args:
            raw: (rows, outputs) or (rows, members, outputs).
            target: (rows,): int64 class index, or float32 standardised value.
            weight: (rows,) with a mean of 1 over the train part, or None.

        Returns:
            A scalar: mean of weight × loss.
        """
        if raw.dim() == _MEMBERS:
            members = raw.shape[1]
            raw, target = raw.flatten(0, 1), target.repeat_interleave(members)
            weight = None if weight is None else weight.repeat_interleave(members)
        if weight is None:
            return self._loss(raw, target, "mean")
        return (self._loss(raw, target, "none") * weight).mean()

    def _loss(self, raw: Tensor, target: Tensor, reduction: str) -> Tensor:
        if self.task != "regression":
            return functional.cross_entropy(raw, target, label_smoothing=self.smoothing, reduction=reduction)
        return self._distance(raw[:, 0], target, reduction)

    def _distance(self, values: Tensor, target: Tensor, reduction: str) -> Tensor:
        if self.kind == "squared":
            return functional.mse_loss(values, target, reduction=reduction)
        if self.kind == "absolute":
            return functional.l1_loss(values, target, reduction=reduction)
        return functional.huber_loss(values, target, reduction=reduction)

    def validation(self, raw: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Sum up the loss of predictions, as they would be served.

        Returns:
            float64 (2,): sum of weight × loss, sum of weights. The loss of classes is −ln p(true class).
        """
        scores = scores_of(raw, self.task)
        if self.task == "regression":
            loss = self._distance(scores[:, 0], target.double(), "none")
        else:
            chosen = scores.gather(1, target[:, None])[:, 0]
            loss = -chosen.clamp_min(torch.finfo(torch.float64).tiny).log()
        heavy = torch.ones_like(loss) if weight is None else weight.double()
        return torch.stack([(loss * heavy).sum(), heavy.sum()])
