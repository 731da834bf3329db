from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mlops_lightning.losses import Objective, scores_of

RAW = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])
TARGET = torch.tensor([1, 0])
LOSSES = [-math.log(0.75), -math.log(0.5)]


def test_scores_of_classes_are_probabilities() -> None:
    found = scores_of(RAW, "binary")
    assert found.dtype == torch.float64
    assert found.flatten().tolist() == pytest.approx([0.25, 0.75, 0.5, 0.5])


def test_an_ensemble_scores_the_mean_of_its_members_probabilities() -> None:
    members = torch.stack([RAW, -RAW], dim=1)
    assert scores_of(members, "binary")[0].tolist() == pytest.approx([0.5, 0.5])
    values = torch.tensor([[[1.0], [3.0]]])
    assert scores_of(values, "regression").tolist() == [[2.0]]


def test_training_minimises_the_mean_log_loss() -> None:
    assert float(Objective("binary").training(RAW, TARGET, None)) == pytest.approx(sum(LOSSES) / 2)


def test_rows_count_by_their_weight() -> None:
    weight = torch.tensor([0.0, 2.0])
    assert float(Objective("binary").training(RAW, TARGET, weight)) == pytest.approx(LOSSES[1])
    assert Objective("binary").validation(RAW, TARGET, weight).tolist() == pytest.approx([2 * LOSSES[1], 2.0])


def test_each_member_of_an_ensemble_answers_for_itself() -> None:
    members = torch.stack([RAW, -RAW], dim=1)
    singly = [float(Objective("binary").training(raw, TARGET, None)) for raw in (RAW, -RAW)]
    assert float(Objective("binary").training(members, TARGET, None)) == pytest.approx(sum(singly) / 2)
    weight = torch.tensor([0.0, 2.0])
    singly = [float(Objective("binary").training(raw, TARGET, weight)) for raw in (RAW, -RAW)]
    assert float(Objective("binary").training(members, TARGET, weight)) == pytest.approx(sum(singly) / 2)


@pytest.mark.parametrize(("kind", "expected"), [("squared", 9.0), ("absolute", 3.0), ("huber", 2.5)])
def test_regression_minimises_what_was_asked_for(kind: Any, expected: float) -> None:
    raw, target = torch.tensor([[4.0]]), torch.tensor([1.0])
    objective = Objective("regression", kind)
    assert float(objective.training(raw, target, None)) == pytest.approx(expected)
    assert objective.validation(raw, target, None).tolist() == pytest.approx([expected, 1.0])


def test_smoothing_is_for_training_alone() -> None:
    smooth = Objective("binary", smoothing=0.2)
    assert float(smooth.training(RAW, TARGET, None)) > sum(LOSSES) / 2
    assert smooth.validation(RAW, TARGET, None).tolist() == pytest.approx([sum(LOSSES), 2.0])


def test_a_class_held_for_impossible_costs_much_and_is_a_number() -> None:
    raw: Tensor = torch.tensor([[0.0, 1e6]])
    total, _ = Objective("binary").validation(raw, torch.tensor([0]), None).tolist()
    assert 100 < total < math.inf
