"""Single layers, where they differ from torch's own or have a corner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mlops_lightning.networks.layers import FAR, BatchNorm, Chain, Dropout, Finite, LayerNorm, Linear, Relu, Residual

Compare = Callable[[nn.Module, np.ndarray[Any, Any]], float]
ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "layer",
    [
        Linear(4, 3),
        Relu(),
        Dropout(0.5),
        LayerNorm(4),
        BatchNorm(4),
        Finite(),
        Residual(Linear(4, 4)),
        Residual(Linear(4, 2), past=Chain([Linear(4, 2), Relu()])),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_the_graph_of_a_layer_computes_what_it_does(layer: nn.Module, difference: Compare) -> None:
    assert difference(layer, ROWS) < 1e-6


def test_missing_and_infinite_numbers_become_finite(difference: Compare) -> None:
    strange = np.array([[np.nan, np.inf, -np.inf, 2e9]], np.float32)
    assert Finite()(torch.tensor(strange)).tolist() == [[0.0, FAR, -FAR, 2e9]]
    assert difference(Finite(), strange) == 0


def test_batch_normalisation_agrees_with_torch() -> None:
    ours, theirs = BatchNorm(4), nn.BatchNorm1d(4)
    rows = torch.tensor(ROWS)
    for _ in range(3):
        assert torch.equal(ours.train()(rows), theirs.train()(rows))
    assert torch.equal(ours.eval()(rows), theirs.eval()(rows))


def test_batch_normalisation_of_a_single_number_uses_what_it_knows() -> None:
    layer = BatchNorm(4).train()
    one = torch.tensor(ROWS[:1])
    assert torch.allclose(layer(one), one, atol=1e-4)
    assert layer.mean.tolist() == [0.0] * 4
