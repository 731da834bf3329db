"""What processes that train together tell one another; a process that trains alone hears itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import distributed, nn

__all__ = ["alike", "any_of", "rank", "summed"]


def rank() -> int:
    """Number of this process among those that train together; 0 when it is alone."""
    return distributed.get_rank() if _together() else 0


def summed(values: Sequence[float], device: torch.device) -> list[float]:
    """Add up each value over the processes; all of them must ask, and all get the same."""
    if not _together():
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.all_reduce(tensor)
    found: list[float] = tensor.tolist()
    return found


def any_of(wishes: Sequence[bool], device: torch.device) -> list[bool]:
    """Say of each wish whether some process has it: what one decides alone would leave the others waiting for it."""
    return [count > 0 for count in summed([float(wish) for wish in wishes], device)]


@torch.no_grad()
def alike(network: nn.Module) -> None:
    """Give all processes the first one's buffers: each has counted running statistics over its own rows."""
    if _together():
        for buffer in network.buffers():
            distributed.broadcast(buffer, src=0)


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
