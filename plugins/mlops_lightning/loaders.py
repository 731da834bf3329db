"""Rows in memory, cut into the steps of an epoch: a slice of a permutation a step, no work a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = ["LEAST", "Chunk", "Loader", "MemoryLoader", "Position", "RowBatch", "Single", "Steps", "passes_of"]

LEAST = 2
"""Fewest rows that a process may have in a step."""

_CHUNK_ROWS, _CHUNK_STEPS = 131_072, 64
"""A chunk has about so many rows, and at most so many steps: some ten milliseconds of a small network's work."""


class RowBatch(NamedTuple):
    """Some rows on a device."""

    features: Tensor
    """float32 (rows, features)."""

    target: Tensor
    """(rows,): int64 class index, or float32 standardised value."""

    weight: Tensor | None = None
    """float32 (rows,) with a mean of 1 over the train part, or None."""

    def part(self, start: int, stop: int) -> RowBatch:
        """Look at neighbouring rows; nothing is copied."""
        weight = None if self.weight is None else self.weight[start:stop]
        return RowBatch(self.features[start:stop], self.target[start:stop], weight)

    def take(self, index: Tensor) -> RowBatch:
        """Copy the rows of an index."""
        weight = None if self.weight is None else self.weight.index_select(0, index)
        return RowBatch(self.features.index_select(0, index), self.target.index_select(0, index), weight)

    def to(self, device: torch.device) -> RowBatch:
        """Bring the rows to a device."""
        return RowBatch(*(None if item is None else item.to(device, non_blocking=True) for item in self))  # type: ignore[arg-type]  # only the weight is ever None


class Position(Protocol):
    """Where a fit is: the loaders start there."""

    epoch: int
    step: int
    """Steps of the epoch that are done."""


@dataclass(frozen=True)
class Steps:
    """How an epoch's rows fall into the steps of the optimizer, and a step's rows to processes.

    The rows that are left over make a last, smaller step, of which each process takes its share. When
    some process would have less than two of them they join the step before, as a normalisation over one
    row is not defined.
    """

    rows: int
    batch: int
    """Rows of a step over all processes."""

    world: int = 1
    rank: int = 0

    @property
    def count(self) -> int:
        """Steps of an epoch."""
        full, left = divmod(self.rows, self.batch)
        return max(1, full + (left >= LEAST * self.world))

    def size(self, step: int) -> int:
        """Rows of a step over all processes."""
        return self.batch if step < self.count - 1 else self.rows - step * self.batch

    def bounds(self, step: int) -> tuple[int, int]:
        """First row and the row after the last that this process takes in a step."""
        start, size = step * self.batch, self.size(step)
        return start + size * self.rank // self.world, start + size * (self.rank + 1) // self.world

    def share(self, step: int, place: int, *, passes: int) -> float:
        """How much a pass of this process weighs in the mean over its step: 1 where all have as many rows."""
        start, stop = self.bounds(step)
        first, last = passes_of(stop - start, passes)[place]
        return (last - first) * passes * self.world / self.size(step)

    @property
    def chunk(self) -> int:
        """Steps that are handed over at once."""
        return max(1, min(_CHUNK_STEPS, _CHUNK_ROWS // self.batch))


class Chunk(Protocol):
    """Neighbouring steps of an epoch."""

    @property
    def first(self) -> int:
        """Number of the first step in the epoch."""
        ...

    @property
    def stop(self) -> int:
        """Number after the last."""
        ...

    def batch(self, step: int) -> RowBatch:
        """Give the rows of one step, on the device."""
        ...


class Loader(Protocol):
    """Gives the chunks of the epoch in which the fit is, from the step at which it is."""

    def __iter__(self) -> Iterator[Chunk]:
        """Start at the fit's position."""
        ...

    def rows_of(self, epoch: int, step: int) -> RowBatch:
        """Give the rows of any step of this process."""
        ...

    def close(self) -> None:
        """End what works in the background."""
        ...


def passes_of(rows: int, passes: int) -> list[tuple[int, int]]:
    """Cut a step's rows into passes, as evenly as can be; some are empty when there are fewer rows than passes."""
    return list(pairwise(rows * place // passes for place in range(passes + 1)))


def _generator(seed: int, epoch: int) -> torch.Generator:
    """Make the source of one epoch's order: it depends on seed and epoch alone."""
    return torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)


@dataclass(frozen=True)
class _Slices:
    """Steps of a permutation."""

    rows: RowBatch
    order: Tensor
    steps: Steps
    device: torch.device
    first: int
    stop: int

    def batch(self, step: int) -> RowBatch:
        start, stop = self.steps.bounds(step)
        taken = self.rows.take(self.order[start:stop])
        return taken if taken.features.device == self.device else taken.to(self.device)


@dataclass(frozen=True)
class MemoryLoader:
    """Rows that are all in memory, each epoch in another order."""

    rows: RowBatch
    steps: Steps
    position: Position
    seed: int
    device: torch.device
    """Where the network is; the rows themselves may be in main memory."""

    chunk: int

    def __iter__(self) -> Iterator[Chunk]:
        """Draw the epoch's order and cut it."""
        order = self._order(self.position.epoch)
        for first in range(self.position.step, self.steps.count, self.chunk):
            stop = min(first + self.chunk, self.steps.count)
            yield _Slices(self.rows, order, self.steps, self.device, first, stop)

    def rows_of(self, epoch: int, step: int) -> RowBatch:
        """Give the rows of any step of this process."""
        return _Slices(self.rows, self._order(epoch), self.steps, self.device, step, step + 1).batch(step)

    def _order(self, epoch: int) -> Tensor:
        order = torch.randperm(self.steps.rows, generator=_generator(self.seed, epoch))
        return order.to(self.rows.features.device)

    def close(self) -> None:
        """Nothing works in the background."""


@dataclass(frozen=True)
class Single:
    """The same steps one by one as plain tensors: what Lightning's own loop takes."""

    loader: Loader
    passes: int = 1
    """Parts into which a step is cut, for gradients that are added up."""

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Give (features, target), or (features, target, weight) when rows are weighed."""
        for chunk in self.loader:
            for step in range(chunk.first, chunk.stop):
                yield from self._cut(chunk.batch(step))

    def _cut(self, batch: RowBatch) -> Iterator[tuple[Tensor, ...]]:
        for start, stop in passes_of(len(batch.target), self.passes):
            # A pass without a row has a share of 0; no network need cope with nothing.
            yield tuple(item for item in batch.part(start, max(stop, start + 1)) if item is not None)
