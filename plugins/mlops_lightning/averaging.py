"""Averages of the weights over a fit, which often predict better than the last weights.

ema: B. T. Polyak and A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992), with
exponential weights; the decay rises with the steps, (1 + t) / (10 + t) at most, so that a short fit's
average is not its start. swa: P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
Generalization" (2018), one member an epoch. Running statistics of normalisation layers are averaged too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mlops_lightning.sharding import like, local, whole

__all__ = ["Averages"]


class Averages:
    """The averaged weights beside the network's own."""

    def __init__(self, network: nn.Module, kind: Literal["none", "ema", "swa"], *, decay: float) -> None:
        self._kind = kind
        self._decay = decay
        self._network = network
        self._live: list[Tensor] = []
        self._averaged: list[Tensor] = []
        self.count = 0
        """How often was averaged; 0: there is no average yet."""

    @torch.no_grad()
    def after_step(self) -> None:
        """Take in the weights after a step of the optimizer."""
        if self._kind != "ema":
            return
        self.count += 1
        if self.count == 1:
            self._begin()
            return
        decay = min(self._decay, (1 + self.count) / (10 + self.count))
        self._move(1 - decay)

    @torch.no_grad()
    def after_epoch(self, share: float, *, start: float) -> None:
        """Take in the weights after an epoch: ``share`` of the epochs is done, averaging begins after ``start``."""
        if self._kind != "swa" or share <= start:
            return
        self.count += 1
        if self.count == 1:
            self._begin()
            return
        self._move(1 / self.count)

    def _begin(self) -> None:
        # Only now: before the fit has begun, weights that are to be spread over devices are other tensors.
        self._live = _floats(self._network)
        self._averaged = [tensor.detach().clone() for tensor in self._live]

    def _move(self, weight: float) -> None:
        torch._foreach_lerp_(list(map(local, self._averaged)), list(map(local, self._live)), weight)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average, where there is one, into the network for the time of the block."""
        if not self.count:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for live, averaged in zip(self._live, self._averaged, strict=True):
            kept = live.detach().clone()
            live.copy_(averaged)
            averaged.copy_(kept)

    def state(self) -> dict[str, Any]:
        """Give what a resumed fit needs."""
        return {"count": self.count, "averaged": whole(self._averaged)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self.count = int(state["count"])
        if self.count:
            self._live = _floats(self._network)
            self._averaged = [like(saved, live) for saved, live in zip(state["averaged"], self._live, strict=True)]


def _floats(network: nn.Module) -> list[Tensor]:
    """List parameters and buffers that can be averaged."""
    return [tensor for tensor in (*network.parameters(), *network.buffers()) if tensor.is_floating_point()]
