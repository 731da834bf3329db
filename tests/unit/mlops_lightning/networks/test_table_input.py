"""The first layer: which features become what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.estimator import Statistics
from mlops_lightning.networks.table_input import Embedding, TableInput

Array = np.ndarray[Any, Any]
Compare = Callable[[nn.Module, Array], float]
PIECEWISE = Embedding(numeric="piecewise_linear", numeric_width=5, bins=4)


def measured(matrix: Array) -> Statistics:
    return Statistics(
        rows=len(matrix),
        quantiles=np.quantile(matrix, np.linspace(0, 1, 257), axis=0).T.astype(np.float32),
        means=matrix.mean(axis=0).astype(np.float32),
        deviations=matrix.std(axis=0).astype(np.float32),
    )


def facts(count: int, *, categorical: tuple[str, ...] = (), blocks: tuple[Block, ...] = ()) -> PreparedFacts:
    names = [f"f{place}" for place in range(count)]
    names += [f"{block.name}{place}" for block in blocks for place in range(block.width)]
    return PreparedFacts(task="regression", target="y", features=tuple(names), categorical=categorical, blocks=blocks)


def table(*, rows: int = 400, columns: int = 3) -> Array:
    return np.random.default_rng(0).normal(size=(rows, columns))


def test_well_scaled_quantities_go_through_unchanged() -> None:
    rows = table()
    layer = TableInput(facts(3), measured(rows), Embedding())
    features = torch.tensor(rows, dtype=torch.float32)
    assert torch.equal(layer(features), features)
    assert not list(layer.parameters())


def test_quantities_far_from_standardised_are_standardised(difference: Compare) -> None:
    rows = table() * [1, 1000, 1e-4] + [0, 5000, 0]
    layer = TableInput(facts(3), measured(rows), Embedding())
    made = layer(torch.tensor(rows, dtype=torch.float32))
    assert made.std(dim=0).tolist() == pytest.approx([1, 1, 1], rel=0.1)
    assert made.mean(dim=0).tolist() == pytest.approx([0, 0, 0], abs=0.2)
    assert difference(layer, rows) < 1e-5


def test_a_missing_quantity_is_the_mean(difference: Compare) -> None:
    rows = table() * 1000 + 5000
    layer = TableInput(facts(3), measured(rows), PIECEWISE)
    mean = measured(rows).means
    strange = np.vstack([mean, np.full(3, np.nan)])
    made = layer(torch.tensor(strange, dtype=torch.float32))
    assert torch.allclose(made[0], made[1], atol=1e-5)
    assert difference(layer, strange) < 1e-5


def test_quantities_of_two_values_get_no_vector() -> None:
    rows = table()
    rows[:, 1] = rows[:, 1] > 2.5
    rows[:, 2] = 7
    assert TableInput(facts(3), measured(rows), PIECEWISE).chunks == (5, 1, 1)


def test_codes_take_their_sizes_by_name_not_by_place(difference: Compare) -> None:
    rows = table()
    rows[:, 0], rows[:, 2] = np.arange(400) % 2, np.arange(400) % 7
    statistics = measured(rows)
    described = facts(3, categorical=("f2", "f0"))
    sized = Statistics(
        rows=400,
        quantiles=statistics.quantiles,
        means=statistics.means,
        deviations=statistics.deviations,
        cardinality=(7, 2),
    )
    layer = TableInput(described, sized, Embedding(category_width=2))
    made = layer(torch.tensor(rows, dtype=torch.float32))
    assert layer.chunks == (1, 2, 2)
    assert len({tuple(row) for row in made[:, 1:3].tolist()}) == 2
    assert len({tuple(row) for row in made[:, 3:5].tolist()}) == 7
    assert difference(layer, rows) == 0


def test_features_of_blocks_are_plain_and_the_block_apart_is_left_out(difference: Compare) -> None:
    image, terms = Block(name="i", kind="image", shape=(1, 2, 2)), Block(name="t", kind="terms", shape=(3,))
    rows = table(columns=2)
    described = facts(2, blocks=(image, terms))
    matrix = np.hstack([rows, table(columns=7)])
    features = torch.tensor(matrix, dtype=torch.float32)
    everything = TableInput(described, measured(rows), Embedding())
    beside = TableInput(described, measured(rows), Embedding(), apart=image)
    assert torch.equal(everything(features), features)
    assert torch.equal(beside(features), features[:, [0, 1, 6, 7, 8]])
    assert difference(beside, matrix) == 0


def test_where_all_is_apart_there_is_nothing_to_read() -> None:
    image = Block(name="i", kind="image", shape=(1, 2, 2))
    nothing = Statistics(1, np.zeros((0, 257), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    assert TableInput(facts(0, blocks=(image,)), nothing, PIECEWISE, apart=image).width == 0
