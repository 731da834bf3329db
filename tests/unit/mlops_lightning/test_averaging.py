from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from mlops_lightning.averaging import Averages


def network(value: float = 0.0) -> nn.Linear:
    made = nn.Linear(1, 1, bias=False)
    nn.init.constant_(made.weight, value)
    return made


def put(made: nn.Linear, value: float) -> None:
    nn.init.constant_(made.weight, value)


def averaged(made: nn.Linear, averages: Averages) -> float:
    with averages.in_place():
        return made.weight.item()


def test_without_averaging_the_weights_stay_as_they_are() -> None:
    made = network(2.0)
    averages = Averages(made, "none", decay=0.9)
    averages.after_step()
    averages.after_epoch(1.0, start=0.5)
    assert (averages.count, averaged(made, averages)) == (0, 2.0)


def test_ema_starts_at_the_first_weights_and_its_decay_rises_with_the_steps() -> None:
    made = network(1.0)
    averages = Averages(made, "ema", decay=0.999)
    averages.after_step()
    assert averaged(made, averages) == 1.0
    put(made, 13.0)
    averages.after_step()
    # The second step keeps (1 + 2) / (10 + 2) of the average.
    assert averaged(made, averages) == pytest.approx(1.0 + (1 - 3 / 12) * 12.0)


def test_ema_never_keeps_more_than_its_decay() -> None:
    made = network(0.0)
    averages = Averages(made, "ema", decay=0.1)
    averages.after_step()
    put(made, 1.0)
    averages.after_step()
    assert averaged(made, averages) == pytest.approx(0.9)


def test_swa_is_the_mean_of_the_last_epochs() -> None:
    made = network()
    averages = Averages(made, "swa", decay=0.9)
    for epoch, value in enumerate((100.0, 1.0, 2.0, 6.0), start=1):
        put(made, value)
        averages.after_epoch(epoch / 4, start=0.25)
    assert averages.count == 3
    assert averaged(made, averages) == pytest.approx(3.0)


def test_the_networks_own_weights_come_back() -> None:
    made = network(1.0)
    averages = Averages(made, "swa", decay=0.9)
    averages.after_epoch(1.0, start=0.0)
    put(made, 5.0)
    assert averaged(made, averages) == 1.0
    assert made.weight.item() == 5.0


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_it_goes_on_from_a_saved_state(kind: Literal["ema", "swa"]) -> None:
    found = []
    for resumed in (False, True):
        made = network(1.0)
        averages = Averages(made, kind, decay=0.9)
        for value in (2.0, 3.0, 4.0):
            put(made, value)
            averages.after_step()
            averages.after_epoch(1.0, start=0.0)
            if resumed:
                state = averages.state()
                averages = Averages(made, kind, decay=0.9)
                averages.restore(state)
        found.append(averaged(made, averages))
    assert found[0] == found[1]


def test_running_statistics_are_averaged_and_counts_are_not() -> None:
    made = nn.BatchNorm1d(1)
    averages = Averages(made, "swa", decay=0.9)
    for value in (1.0, 3.0):
        assert made.running_mean is not None
        made.running_mean.fill_(value)
        averages.after_epoch(1.0, start=0.0)
    with averages.in_place():
        assert made.running_mean is not None
        assert torch.equal(made.running_mean, torch.tensor([2.0]))
    assert len(averages.state()["averaged"]) == 4
