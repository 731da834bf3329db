from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from mlops_lightning.evaluation import dealt, evaluation_rows
from mlops_lightning.loaders import RowBatch


def batches(count: int) -> list[RowBatch]:
    return [RowBatch(torch.full((2, 1), float(number)), torch.zeros(2)) for number in range(count)]


@given(some.integers(0, 20), some.integers(1, 5))
def test_each_batch_goes_to_one_process_and_all_get_as_many(count: int, world: int) -> None:
    shares = [list(dealt(batches(count), world=world, rank=rank)) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    counted = [float(batch.features[0, 0]) for share in shares for batch in share if batch.weight is None]
    assert sorted(counted) == list(range(count))


def test_who_would_go_without_gets_rows_that_weigh_nothing() -> None:
    (batch,) = dealt(batches(1), world=2, rank=1)
    assert batch.weight is not None
    assert batch.weight.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("width", "rows"), [(0, 8192), (10, 8192), (2**10, 2**10), (2**30, 64)])
def test_wide_rows_go_through_the_network_a_few_at_a_time(width: int, rows: int) -> None:
    assert evaluation_rows(width) == rows
