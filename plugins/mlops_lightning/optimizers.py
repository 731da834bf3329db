"""The optimizers that a recipe can name."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from mlops_lightning.options import TrainingOptions

__all__ = ["optimizer_of"]

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
