"""Rows larger than memory: read from Parquet ahead of use, shuffled in windows over many row groups.

An epoch opens its row groups in random order, some at a time. A window is made of one piece of each
open group, and is permuted; a group that has ended is replaced by the next. So a step's rows come
from places far apart in the file, each row comes once an epoch, and memory holds a few windows.
All is decided by the seed and the epoch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import torch

from mlops.formats.features import Batch, Prepared, PreparedFacts, batch_of
from mlops_lightning.loaders import Chunk, Position, RowBatch, Steps
from mlops_lightning.weighing import Weigher

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StreamLoader"]

_OPEN = 8
"""Row groups that are read side by side."""

_WINDOW = 48 * 2**20
"""Bytes of a window's features."""

_AHEAD = 2
"""Chunks that wait."""

_PATIENCE = 0.2
"""Seconds after which a waiting thread looks whether it is still wanted."""


@dataclass(frozen=True)
class _Read:
    """Steps whose rows are there."""

    batches: tuple[RowBatch, ...]
    device: torch.device
    first: int

    @property
    def stop(self) -> int:
        return self.first + len(self.batches)

    def batch(self, step: int) -> RowBatch:
        return self.batches[step - self.first].to(self.device)


class StreamLoader:
    """Reads the train part ahead, in a thread of its own."""

    def __init__(
        self, prepared: Prepared, *, steps: Steps, weigher: Weigher, position: Position, seed: int, device: torch.device
    ) -> None:
        self._source = _Source(prepared, prepared.facts, weigher)
        self._steps = steps
        self._position = position
        self._seed = seed
        self._device = device
        self._reading: _Ahead | None = None
        self.chunk = steps.chunk

    def __iter__(self) -> Iterator[Chunk]:
        """Read the epoch from the fit's position on."""
        self.close()
        self._reading = _Ahead(self._chunks(self._position.epoch, self._position.step))
        yield from self._reading

    def rows_of(self, epoch: int, step: int) -> RowBatch:
        """Give the rows of any step of this process; reads up to there."""
        return next(islice(self._batches(epoch), step, None))

    def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _chunks(self, epoch: int, start: int) -> Iterator[_Read]:
        """Cut windows into steps; the steps before ``start`` are read and dropped, as their rows decide the rest."""
        ready: list[RowBatch] = []
        for step, batch in enumerate(self._batches(epoch)):
            if step < start:
                continue
            ready.append(batch)
            if len(ready) == self.chunk or step == self._steps.count - 1:
                yield _Read(tuple(ready), self._device, step + 1 - len(ready))
                ready = []

    def _batches(self, epoch: int) -> Iterator[RowBatch]:
        """Take each step's rows, of this process, from as many windows as it needs."""
        rng = np.random.default_rng([self._seed % 2**63, epoch])
        windows = self._source.windows(rng)
        held, offset = next(windows), 0
        for step in range(self._steps.count):
            start, stop = self._steps.bounds(step)
            while stop - offset > len(held.target):
                done = min(start - offset, len(held.target))
                held, offset = _joined(_taken(held, slice(done, None)), next(windows)), offset + done
            yield _tensors(held, start - offset, stop - offset)


@dataclass(frozen=True)
class _Source:
    prepared: Prepared
    facts: PreparedFacts
    weigher: Weigher

    def windows(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Give windows of all rows, permuted within each; the last may be smaller."""
        with pq.ParquetFile(self.prepared.path("train")) as file:
            waiting = list(rng.permutation(file.num_row_groups))
            open_groups: list[Iterator[Batch]] = []
            while waiting or open_groups:
                while waiting and len(open_groups) < _OPEN:
                    open_groups.append(self._pieces(file, int(waiting.pop())))
                pieces = [(group, next(group, None)) for group in open_groups]
                open_groups = [group for group, piece in pieces if piece is not None]
                found = [piece for _, piece in pieces if piece is not None]
                if found:
                    yield _permuted(_stacked(found), rng)

    def _pieces(self, file: pq.ParquetFile, group: int) -> Iterator[Batch]:
        rows = max(1, _WINDOW // (_OPEN * 4 * max(1, len(self.facts.features))))
        for batch in file.iter_batches(batch_size=rows, row_groups=[group], use_threads=False):
            yield self.weigher.weighed(batch_of(pl.DataFrame(pl.from_arrow(batch)), self.facts))


def _stacked(pieces: list[Batch]) -> Batch:
    first = pieces[0]
    weight = None if first.weight is None else np.concatenate([piece.weight for piece in pieces])
    return Batch(
        np.concatenate([piece.matrix for piece in pieces]), np.concatenate([piece.target for piece in pieces]), weight
    )


def _permuted(batch: Batch, rng: np.random.Generator) -> Batch:
    return _taken(batch, rng.permutation(len(batch.target)))


def _taken(batch: Batch, index: NDArray[np.int64] | slice) -> Batch:
    weight = None if batch.weight is None else batch.weight[index]
    return Batch(batch.matrix[index], batch.target[index], weight)


def _joined(rest: Batch, fresh: Batch) -> Batch:
    return _stacked([rest, fresh]) if len(rest.target) else fresh


def _tensors(batch: Batch, start: int, stop: int) -> RowBatch:
    weight = None if batch.weight is None else torch.from_numpy(batch.weight[start:stop])
    return RowBatch(torch.from_numpy(batch.matrix[start:stop]), torch.from_numpy(batch.target[start:stop]), weight)


class _Ahead:
    """Runs an iterator in a thread, some items ahead; an error in there is raised here."""

    def __init__(self, source: Iterator[_Read]) -> None:
        self._queue: Queue[Any] = Queue(maxsize=_AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(source,), name="mlops-read-ahead", daemon=True)
        self._thread.start()

    def _work(self, source: Iterator[_Read]) -> None:
        try:
            for item in source:
                if not self._put((item, None)):
                    return
            self._put((None, None))
        except BaseException as exc:  # noqa: BLE001 - raised again where it can be handled
            self._put((None, exc))

    def _put(self, message: tuple[_Read | None, BaseException | None]) -> bool:
        while not self._ended.is_set():
            try:
                self._queue.put(message, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[_Read]:
        while True:
            item, error = self._queue.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item

    def close(self) -> None:
        """End the thread, and wait for it."""
        self._ended.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=_PATIENCE)
            except Empty:
                continue
        self._thread.join()
