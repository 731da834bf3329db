from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mlops_lightning.optimizers import QuickSteps, optimizer_of
from mlops_lightning.options import TrainingOptions


class Partly(nn.Module):
    """A network of which a part is at rest in the first step."""

    def __init__(self) -> None:
        super().__init__()
        self.always = nn.Linear(3, 2)
        self.later = nn.Linear(3, 2)

    def forward(self, rows: torch.Tensor, step: int) -> torch.Tensor:
        found: torch.Tensor = self.always(rows) + (self.later(rows) if step else 0)
        return found


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "nadam"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_quick_steps_are_the_optimizers_to_the_bit(optimizer: str, decay: float) -> None:
    options = TrainingOptions.model_validate({"optimizer": optimizer, "weight_decay": decay})
    torch.manual_seed(0)
    one = Partly()
    two = copy.deepcopy(one)
    plain, other = optimizer_of(options, one), optimizer_of(options, two)
    quick = QuickSteps(other)
    for step in range(6):
        rows = torch.randn(8, 3)
        for network, made, take in ((one, plain, plain.step), (two, other, quick.step)):
            for group in made.param_groups:
                group["lr"] = 0.1 / (step + 1)
            made.zero_grad()
            network(rows, step).square().mean().backward()
            take()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    states = [made.state_dict()["state"] for made in (plain, other)]
    assert all(
        torch.equal(states[0][at]["exp_avg"], states[1][at]["exp_avg"]) for at in states[0] if optimizer == "adamw"
    )
    assert all(states[0][at].keys() == states[1][at].keys() for at in states[0])


def test_vectors_are_not_decayed() -> None:
    groups = optimizer_of(TrainingOptions(weight_decay=0.1), Partly()).param_groups
    found = {weight.ndim: group["weight_decay"] for group in groups for weight in group["params"]}
    assert found == {2: 0.1, 1: 0.0}
