from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from mlops_lightning.processes import alike, any_of, rank, summed

CPU = torch.device("cpu")
Together = Callable[[Callable[[int], Any]], list[Any]]


def test_a_process_alone_hears_itself() -> None:
    assert (rank(), summed([1.5, 2.0], CPU), any_of([True, False], CPU)) == (0, [1.5, 2.0], [True, False])


def test_all_get_the_same_sum(together: Together) -> None:
    assert together(lambda number: summed([0.1, float(number)], CPU)) == [[0.2, 1.0]] * 2


def test_what_one_wishes_all_hear(together: Together) -> None:
    assert together(lambda number: any_of([number == 1, False, True], CPU)) == [[True, False, True]] * 2


def test_running_statistics_become_those_of_the_first(together: Together) -> None:
    def work(number: int) -> Any:
        norm = nn.BatchNorm1d(2)
        norm(torch.full((3, 2), float(number)))
        nn.init.constant_(norm.weight, number)
        alike(norm)
        return [rank(), norm.running_mean.tolist() if norm.running_mean is not None else None, norm.weight.tolist()]

    assert together(work) == [[0, [0.0, 0.0], [0.0, 0.0]], [1, [0.0, 0.0], [1.0, 1.0]]]
