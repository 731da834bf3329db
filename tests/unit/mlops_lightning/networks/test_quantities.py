"""Bins, curves and waves over quantities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mlops_lightning.networks.quantities import Periodic, PiecewiseLinear, Standardise, edges_of

Floats = np.ndarray[Any, np.dtype[np.float32]]
Compare = Callable[[nn.Module, np.ndarray[Any, Any]], float]


def rising(values: list[float]) -> Floats:
    return np.sort(np.asarray(values, np.float32))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=257, max_size=257), st.integers(1, 256))
def test_edges_rise_and_span_no_more_than_the_quantiles(values: list[float], bins: int) -> None:
    quantiles = rising(values)
    edges = edges_of(quantiles, bins)
    assert 2 <= len(edges) <= bins + 1
    assert (np.diff(edges) > 0).all()
    assert edges[0] == quantiles[0]


def test_bins_hold_equal_shares_of_the_rows() -> None:
    quantiles = rising(list(np.random.default_rng(0).normal(size=257)))
    assert np.array_equal(edges_of(quantiles, 8), quantiles[::32])


def test_a_constant_feature_has_one_bin() -> None:
    assert edges_of(np.full(257, 3.0, np.float32), 8).tolist() == [3.0, 4.0]


def test_a_piecewise_linear_layer_starts_as_a_linear_one() -> None:
    layer = PiecewiseLinear([rising([0, 1, 3])], 2)
    values = torch.tensor([[-5.0], [0.5], [9.0]])
    assert torch.allclose(layer(values), values * layer.straight + layer.bent.bias)


def test_places_in_bins_are_those_of_the_paper() -> None:
    layer = PiecewiseLinear([rising([0, 1, 3])], 1)
    with torch.no_grad():
        layer.straight.zero_()
        layer.bent.bias.zero_()
        layer.bent.weight.copy_(torch.tensor([[[1.0], [100.0]]]))
    # Linear within a bin, full behind it, and linear on beyond the first and the last edge.
    expected = {-2.0: -2.0, 0.0: 0.0, 0.5: 0.5, 1.0: 1.0, 2.0: 51.0, 3.0: 101.0, 5.0: 201.0}
    with torch.no_grad():
        made = layer(torch.tensor([[value] for value in expected]))
    assert made.flatten().tolist() == pytest.approx(list(expected.values()))


def test_features_may_have_bins_of_different_numbers(difference: Compare) -> None:
    layer = PiecewiseLinear([rising([0, 1]), rising([-2, 0, 0.001, 7]), rising([3, 4, 5])], 3)
    nn.init.normal_(layer.bent.weight)
    assert difference(layer, np.random.default_rng(0).normal(size=(30, 3)) * 4) < 1e-5


def test_waves_of_sigma_lie_within_three_of_it() -> None:
    layer = Periodic(5, 4, frequencies=100, sigma=0.2)
    found = layer.frequencies.detach()
    assert found.abs().max() <= 0.6
    assert float(found.std()) == pytest.approx(0.2, rel=0.1)


def test_the_graph_of_waves_computes_them(difference: Compare) -> None:
    assert difference(Periodic(3, 4, frequencies=5, sigma=1.0), np.random.default_rng(0).normal(size=(30, 3))) < 1e-5


def test_standardising_makes_mean_0_and_spread_1(difference: Compare) -> None:
    rows = np.random.default_rng(0).normal(50, [1, 200], size=(500, 2))
    layer = Standardise(rows.mean(axis=0).astype(np.float32), rows.std(axis=0).astype(np.float32))
    made = layer(torch.tensor(rows, dtype=torch.float32))
    assert made.mean(dim=0).tolist() == pytest.approx([0, 0], abs=1e-4)
    assert made.std(dim=0).tolist() == pytest.approx([1, 1], rel=1e-2)
    assert difference(layer, rows) < 1e-6
