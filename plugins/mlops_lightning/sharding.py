"""Networks whose weights are spread over the processes of a fit: torch's ``fully_shard`` under Lightning's Trainer.

The idea is that of S. Rajbhandari et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models"
(2020): weights, gradients and the optimizer's moments are kept in parts, and gathered where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

__all__ = ["Sharded", "like", "local", "shard", "whole"]


def shard(network: nn.Module, mesh: DeviceMesh) -> None:
    """Spread a network's weights, in place; the layers of a row are gathered one at a time."""
    for layer in _in_rows(network):
        if any(True for _ in layer.parameters()):
            fully_shard(layer, mesh=mesh)
    # By default the outermost weights stay gathered after a validation, as if the next step gave them back: an
    # average that was put in place for it would then be trained on.
    fully_shard(network, mesh=mesh, reshard_after_forward=True)


def _in_rows(module: nn.Module) -> Iterator[nn.Module]:
    """Find the members of the topmost lists of layers."""
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.Sequential):
            yield from child
        else:
            yield from _in_rows(child)


def whole(tree: Any) -> Any:
    """Gather every tensor of a tree that is spread, on the CPU; others are copied as they are. All ranks must ask."""
    if isinstance(tree, DTensor):
        return tree.full_tensor().detach().cpu()
    if isinstance(tree, Tensor):
        return tree.detach().clone()
    if isinstance(tree, Mapping):
        return {name: whole(value) for name, value in tree.items()}
    return [whole(value) for value in tree] if isinstance(tree, list) else tree


def local(tensor: Tensor) -> Tensor:
    """Give this rank's part of a tensor; all of it, when it is not spread."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def like(given: Tensor, model: Tensor) -> Tensor:
    """Copy a whole tensor to where another is, spread as that one is."""
    copied = given.detach().to(model.device, copy=True)
    if isinstance(model, DTensor) and copied.shape == model.shape:
        # Every rank has the whole tensor: each keeps its part, and nothing is sent.
        return distribute_tensor(copied, model.device_mesh, model.placements, src_data_rank=None)
    return copied


class Sharded(ModelParallelStrategy):
    """Keeps a part of each weight on every device; a checkpoint holds them whole, as any other fit's does."""

    def __init__(self, devices: int, *, backend: str) -> None:
        super().__init__(
            data_parallel_size=devices,
            tensor_parallel_size=1,
            save_distributed_checkpoint=False,
            process_group_backend=backend,
        )

    @property
    def lightning_restore_optimizer(self) -> bool:
        """Have `load_optimizer_state_dict` called."""
        return True

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """Gather the weights, on every rank."""
        found: dict[str, Any] = whole(cast("nn.Module", self.model).state_dict())
        return found

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """Gather the optimizer's state, on every rank."""
        found: dict[str, Any] = whole(optimizer.state_dict())
        return found

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any | None = None) -> None:
        """Hand the checkpoint over, from the first rank."""
        if self.is_global_zero:
            self.checkpoint_io.save_checkpoint(checkpoint, filepath, storage_options=storage_options)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:  # noqa: FBT001 - Lightning's signature
        """Take the checkpoint; each rank has read it whole."""
        found: dict[str, Any] = self.checkpoint_io.load_checkpoint(checkpoint_path, weights_only=weights_only)
        return found

    @torch.no_grad()
    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:  # noqa: FBT001, FBT002 - Lightning's signature
        """Keep this rank's part of each weight."""
        model = cast("nn.Module", self.model)
        own = model.state_dict()
        spread = {name: like(value, own[name]) for name, value in checkpoint["state_dict"].items()}
        model.load_state_dict(spread, strict=strict)

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Keep this rank's part of what the optimizer knows of each weight."""
        for optimizer, saved in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            state = {
                place: {name: _spread(value, weights[int(place)]) for name, value in known.items()}
                for place, known in saved["state"].items()
            }
            optimizer.load_state_dict({**saved, "state": state})


def _spread(value: Any, weight: Tensor) -> Any:
    """Spread what is of a weight's shape; the count of steps is none."""
    return like(value, weight) if isinstance(value, Tensor) and value.shape == weight.shape else value
