from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from mlops.formats.features import Prepared, PreparedFacts
from mlops_lightning import loaders_stream
from mlops_lightning.loaders import Loader, MemoryLoader, RowBatch, Single, Steps, passes_of
from mlops_lightning.loaders_stream import StreamLoader
from mlops_lightning.state import State
from mlops_lightning.weighing import Weigher

CPU = torch.device("cpu")
ROWS = 1000


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Rows numbered in their only feature, in ten row groups."""
    folder = tmp_path_factory.mktemp("prepared")
    frame = pl.DataFrame({"n": np.arange(ROWS, dtype=np.float32), "__target__": np.arange(ROWS) % 2})
    facts = PreparedFacts(task="binary", target="y", features=("n",), classes=("a", "b"))
    made = Prepared.create(folder, {"train": frame, "validation": frame[:9], "test": frame[:9]}, facts=facts)
    frame.write_parquet(made.path("train"), row_group_size=100)
    return made


def loader(kind: str, prepared: Prepared, steps: Steps, state: State, *, seed: int = 3) -> Loader:
    weigher = Weigher(0.0, 1.0, regression=False, factors=None, scale=1.0)
    if kind == "stream":
        return StreamLoader(prepared, steps=steps, weigher=weigher, position=state, seed=seed, device=CPU)
    whole = RowBatch(torch.from_numpy(prepared.matrix("train").copy()), torch.arange(ROWS) % 2)
    return MemoryLoader(whole, steps, state, seed, CPU, 4)


def epoch(made: Loader) -> list[list[float]]:
    found = [chunk.batch(step).features[:, 0].tolist() for chunk in made for step in range(chunk.first, chunk.stop)]
    made.close()
    return found


@given(some.integers(1, 500), some.integers(1, 64), some.integers(1, 4))
def test_steps_share_rows_without_overlap(rows: int, batch: int, world: int) -> None:
    rows = max(2 * world, rows)
    batch = max(2 * world, min(batch, rows))
    ranks = [Steps(rows, batch, world, rank) for rank in range(world)]
    seen: list[int] = []
    for step in range(ranks[0].count):
        shares = [range(*rank.bounds(step)) for rank in ranks]
        sizes = [len(share) for share in shares]
        assert min(sizes) >= 2 or world == rows == 1
        assert max(sizes) - min(sizes) <= 1
        assert sum(sizes) == ranks[0].size(step)
        seen += [row for share in shares for row in share]
    assert seen == list(range(rows))


@given(some.integers(4, 99), some.integers(4, 40), some.integers(1, 2), some.integers(1, 8))
def test_all_rows_of_a_step_weigh_the_same(rows: int, batch: int, world: int, passes: int) -> None:
    ranks = [Steps(rows, min(batch, rows), world, rank) for rank in range(world)]
    for step in range(ranks[0].count):
        weights = []
        for rank in ranks:
            start, stop = rank.bounds(step)
            for place, (first, last) in enumerate(passes_of(stop - start, passes)):
                # The mean over a pass, weighed, then the mean over passes and processes.
                weight = rank.share(step, place, passes=passes) / passes / world
                weights += [weight / (last - first)] * (last - first) if last > first else []
        assert weights == pytest.approx([1 / ranks[0].size(step)] * ranks[0].size(step))


def test_no_step_has_a_single_row_where_there_are_more() -> None:
    steps = Steps(65, 32)
    assert [steps.bounds(step) for step in range(steps.count)] == [(0, 32), (32, 65)]


@pytest.mark.parametrize("kind", ["memory", "stream"])
def test_each_row_comes_once_an_epoch_in_an_order_of_its_own(prepared: Prepared, kind: str) -> None:
    orders = []
    for number in (0, 1):
        found = epoch(loader(kind, prepared, Steps(ROWS, 64), State(epoch=number)))
        assert [len(batch) for batch in found[:-1]] == [64] * 15
        orders.append([row for batch in found for row in batch])
        assert sorted(orders[-1]) == list(range(ROWS))
    assert orders[0] != orders[1]
    again = epoch(loader(kind, prepared, Steps(ROWS, 64), State()))
    assert [row for batch in again for row in batch] == orders[0]


@pytest.mark.parametrize("kind", ["memory", "stream"])
def test_an_epoch_goes_on_where_it_was_left(prepared: Prepared, kind: str) -> None:
    whole = epoch(loader(kind, prepared, Steps(ROWS, 64), State(epoch=2)))
    rest = epoch(loader(kind, prepared, Steps(ROWS, 64), State(epoch=2, step=5)))
    assert rest == whole[5:]
    assert loader(kind, prepared, Steps(ROWS, 64), State()).rows_of(2, 7).features[:, 0].tolist() == whole[7]


@pytest.mark.parametrize("kind", ["memory", "stream"])
def test_processes_take_different_rows_of_the_same_steps(prepared: Prepared, kind: str) -> None:
    shares = [epoch(loader(kind, prepared, Steps(ROWS, 64, 2, rank), State())) for rank in (0, 1)]
    assert [{len(batch) for batch in share[:-1]} for share in shares] == [{32}, {32}]
    assert [len(share[-1]) for share in shares] == [20, 20]
    rows = [row for share in shares for batch in share for row in batch]
    assert sorted(rows) == list(range(ROWS))


def test_a_streamed_step_mixes_rows_from_far_apart(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders_stream, "_WINDOW", 8 * 4 * 20)
    found = epoch(loader("stream", prepared, Steps(ROWS, 64), State()))
    assert sorted(row for batch in found for row in batch) == list(range(ROWS))
    groups = {int(row) // 100 for row in found[0]}
    assert len(groups) >= 6


def test_an_error_while_reading_ahead_is_raised(prepared: Prepared, tmp_path: Path) -> None:
    broken = Prepared(tmp_path)
    (tmp_path / "prepared.json").write_text((prepared.folder / "prepared.json").read_text())
    (tmp_path / "train.parquet").write_bytes(b"no parquet")
    with pytest.raises(Exception, match=r"(?i)parquet"):
        epoch(loader("stream", broken, Steps(ROWS, 64), State()))


def test_a_reader_that_is_no_longer_wanted_ends(prepared: Prepared) -> None:
    import threading

    made = loader("stream", prepared, Steps(ROWS, 2), State())
    next(iter(made))
    made.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mlops-read-ahead"]


def test_lightning_gets_plain_tensors_pass_by_pass(prepared: Prepared) -> None:
    parts: list[Any] = list(Single(loader("memory", prepared, Steps(ROWS, 100), State()), passes=3))
    assert len(parts) == 30
    assert [len(item[1]) for item in parts[:3]] == [33, 33, 34]
