"""Forward passes without gradients: the validation loss, and batches that fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from mlops.errors import StageError
from mlops_lightning.loaders import RowBatch
from mlops_lightning.processes import summed
from mlops_lightning.run import Run

__all__ = ["dealt", "evaluation_rows", "validation_loss"]

_NUMBERS = 2**20
_LEAST, _MOST = 64, 8192


def evaluation_rows(width: int) -> int:
    """Choose how many rows of so many features go through a network at once: about a million numbers."""
    return min(max(_NUMBERS // max(1, width), _LEAST), _MOST)


def dealt(batches: Iterable[RowBatch], *, world: int, rank: int) -> Iterator[RowBatch]:
    """Give one process its share of batches, in turns.

    All get as many, as a network that is spread over processes is gathered for each: whoever would
    go without in the last turn gets rows that weigh nothing.
    """
    turn: list[RowBatch] = []
    for batch in batches:
        turn.append(batch)
        if len(turn) == world:
            yield turn[rank]
            turn = []
    if turn:
        yield turn[rank] if rank < len(turn) else _weightless(turn[0])


def _weightless(batch: RowBatch) -> RowBatch:
    return batch._replace(weight=torch.zeros(len(batch.target), device=batch.target.device))


@torch.no_grad()
def validation_loss(run: Run) -> float:
    """Average the loss over the validation rows of all processes; the network is left in training mode."""
    sums = torch.zeros(2, dtype=torch.float64, device=run.device)
    run.network.eval()
    try:
        for batch in run.validation() if run.validation is not None else ():
            with run.arithmetic():
                raw = run.network(batch.features)
            sums += run.objective.validation(raw, batch.target, batch.weight)
    finally:
        run.network.train()
    total, weight = summed(sums.tolist(), run.device)
    if weight <= 0:
        raise StageError("the weights of the validation rows sum to nothing", fix="give some validation row a weight")
    return total / weight
