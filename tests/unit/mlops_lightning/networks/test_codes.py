"""Vectors of categories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mlops_lightning.networks.codes import Codes

Compare = Callable[[nn.Module, np.ndarray[Any, Any]], float]


def test_each_code_of_each_feature_has_its_own_vector() -> None:
    layer = Codes([3, 2], 4)
    made = layer(torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0]]))
    vectors = {tuple(row.tolist()) for row in made.reshape(-1, 4)}
    assert made.shape == (3, 8)
    assert len(vectors) == 5


@pytest.mark.parametrize("code", [3.0, 99.0, -1.0, float("nan"), float("inf"), 1e30])
def test_a_code_that_training_never_saw_is_0(code: float, difference: Compare) -> None:
    layer = Codes([3, 2], 4)
    rows = torch.tensor([[code, 1.0]])
    assert layer(rows)[0, :4].tolist() == [0.0] * 4
    assert layer(rows)[0, 4:].abs().sum() > 0
    assert difference(layer, rows.numpy()) == 0


def test_the_vector_of_unknown_codes_is_not_trained() -> None:
    layer = Codes([3], 4)
    layer(torch.tensor([[99.0], [1.0]])).sum().backward()
    assert layer.vectors.grad is not None
    assert layer.vectors.grad.abs().sum(dim=1).tolist() == [0.0, 0.0, 4.0, 0.0]
