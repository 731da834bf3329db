"""The optimizers that a recipe can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from mlops_lightning.options import TrainingOptions

__all__ = ["QuickSteps", "optimizer_of"]

_MOMENTUM = 0.9


def optimizer_of(options: TrainingOptions, network: nn.Module) -> Optimizer:
    """Make the optimizer; vectors (biases, normalisation) are not decayed.

    Fused kernels are used where torch has them: one call a group of weights rather than several a weight.
    """
    groups = _groups(network, decay=options.weight_decay)
    fused: dict[str, Any] = {"fused": True} if _can_fuse(network) else {}
    lr = options.lr
    match options.optimizer:
        case "adamw":
            return torch.optim.AdamW(groups, lr=lr, **fused)
        case "adam":
            return torch.optim.Adam(groups, lr=lr, **fused)
        case "sgd":
            return torch.optim.SGD(groups, lr=lr, momentum=_MOMENTUM, nesterov=True, **fused)
        case "nadam":
            return torch.optim.NAdam(groups, lr=lr)
        case "radam":
            return torch.optim.RAdam(groups, lr=lr)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=lr)


class QuickSteps:
    """Takes an optimizer's steps; those of a fused AdamW without the looking around that torch does before each.

    The same kernels get the same numbers, and the optimizer's state is its own. In a small network on a
    CPU, half of the time of a step of torch's is spent before the first kernel.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._plain = type(optimizer) is torch.optim.AdamW and all(
            group["fused"] and not group["amsgrad"] and not group["maximize"] and weight.device.type == "cpu"
            for group in optimizer.param_groups
            for weight in group["params"]
        )
        self._groups: list[_Group] = []

    def step(self) -> None:
        """Take one step."""
        gradients = [[weight.grad for weight in group.weights] for group in self._groups]
        if not gradients or any(item is None for row in gradients for item in row):
            self._optimizer.step()
            # Only now does the optimizer have a state for each weight.
            self._groups = self._found() if self._plain else []
            return
        with torch.no_grad():
            for group, row in zip(self._groups, gradients, strict=True):
                group.step(row)

    def _found(self) -> list[_Group]:
        state, groups = self._optimizer.state, self._optimizer.param_groups
        if not all(state.get(weight) for group in groups for weight in group["params"]):
            return []
        return [_Group(group, state) for group in groups]


class _Group:
    """Weights that share their options, and what AdamW knows of each."""

    def __init__(self, options: dict[str, Any], state: Mapping[Any, Any]) -> None:
        self.weights: list[Tensor] = options["params"]
        self._options = options
        self._steps, self._first, self._second = (
            [state[weight][name] for weight in self.weights] for name in ("step", "exp_avg", "exp_avg_sq")
        )

    def step(self, gradients: list[Any]) -> None:
        options = self._options
        torch._foreach_add_(self._steps, 1)
        torch._fused_adamw_(
            self.weights,
            gradients,
            self._first,
            self._second,
            [],
            self._steps,
            lr=options["lr"],
            beta1=options["betas"][0],
            beta2=options["betas"][1],
            weight_decay=options["weight_decay"],
            eps=options["eps"],
            amsgrad=False,
            maximize=False,
        )


def _groups(network: nn.Module, *, decay: float) -> list[dict[str, Any]]:
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if not decay:
        return [{"params": weights, "weight_decay": 0.0}]
    heavy = [weight for weight in weights if weight.ndim > 1]
    light = [weight for weight in weights if weight.ndim <= 1]
    found = [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]
    return [group for group in found if group["params"]]


def _can_fuse(network: nn.Module) -> bool:
    return all(weight.is_floating_point() and weight.device.type in ("cpu", "cuda") for weight in network.parameters())
