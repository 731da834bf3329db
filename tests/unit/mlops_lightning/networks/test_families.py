"""Every network: its graph computes what it does, it learns, and its start depends on the seed alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mlops.formats.features import Prepared
from mlops.formats.table import Task
from mlops.testing.prepared import make_prepared, make_prepared_images, make_prepared_texts
from mlops_lightning.cnn import CNN
from mlops_lightning.estimator import NeuralEstimator
from mlops_lightning.image_resnet import ImageResNet
from mlops_lightning.mlp import MLP
from mlops_lightning.networks.layers import Layer
from mlops_lightning.networks.onnx_nodes import export
from mlops_lightning.resnet import ResNet
from mlops_lightning.statistics import measure
from mlops_lightning.tabm import TabM
from mlops_lightning.text_bag import TextBag
from mlops_lightning.text_transformer import TextTransformer

Array = np.ndarray[Any, Any]
Compare = Callable[[nn.Module, Array], float]

TABLES: dict[str, NeuralEstimator] = {
    "mlp": MLP(hidden=(16, 16)),
    "mlp_piecewise": MLP(hidden=(16,), numeric="piecewise_linear", numeric_width=4, bins=8),
    "mlp_periodic": MLP(hidden=(16,), numeric="periodic", numeric_width=4, frequencies=4),
    "linear": MLP(hidden=()),
    "resnet": ResNet(width=16, blocks=2),
    "resnet_periodic": ResNet(width=16, blocks=2, numeric="periodic", numeric_width=4),
    "tabm": TabM(hidden=(16,), members=4),
    "tabm_plain": TabM(hidden=(16, 16), members=4, numeric="plain"),
    "tabm_periodic": TabM(hidden=(16,), members=4, numeric="periodic"),
}
IMAGES: dict[str, NeuralEstimator] = {
    "cnn": CNN(channels=(8, 8)),
    "cnn_moved": CNN(channels=(8, 8), convolutions=2, shift=1, flip=True),
    "image_resnet": ImageResNet(channels=(8, 16), blocks=1),
    "mlp_on_images": MLP(hidden=(16,)),
}
TEXTS: dict[str, NeuralEstimator] = {
    "text_bag": TextBag(width=8, buckets=50),
    "text_bag_of_words": TextBag(width=8, buckets=0),
    "text_transformer": TextTransformer(width=8, heads=2, layers=2),
}
FAMILIES = {**TABLES, **IMAGES, **TEXTS}


class Case(NamedTuple):
    prepared: Prepared
    estimator: NeuralEstimator

    def network(self, *, seed: int = 0) -> Layer:
        torch.manual_seed(seed)
        made = self.estimator.network(self.prepared.facts, measure(self.prepared))
        assert isinstance(made, Layer)
        return made

    def matrix(self) -> Tensor:
        return torch.tensor(self.prepared.matrix("train"))

    def target(self) -> Tensor:
        return torch.tensor(self.prepared.target("train"))


def made(name: str, folder: Path, task: Task = "multiclass") -> Case:
    maker = make_prepared if name in TABLES else make_prepared_images if name in IMAGES else make_prepared_texts
    return Case(maker(folder, task, rows=120), FAMILIES[name])


def trained(case: Case, *, steps: int) -> tuple[Layer, float]:
    """Take some steps of Adam on all rows; returns the last loss."""
    network = case.network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    features, target = case.matrix(), case.target()
    loss = torch.tensor(0.0)
    for _ in range(steps):
        raw = network(features)
        members = raw.unsqueeze(1) if raw.dim() == 2 else raw
        wanted = target.unsqueeze(1).expand(-1, members.shape[1])
        if target.is_floating_point():
            loss = functional.mse_loss(members[:, :, 0], wanted.float())
        else:
            loss = functional.cross_entropy(members.flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()
    return network, float(loss.detach())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_graph_computes_what_the_network_does_even_for_strange_rows(
    name: str, tmp_path: Path, difference: Compare
) -> None:
    case = made(name, tmp_path / "p")
    network, _ = trained(case, steps=3)
    matrix = case.prepared.matrix("test")
    strange = [matrix[:8] * 50, matrix[:8] * 0, matrix[:8] * np.nan, matrix[:8] + 99, matrix[:8] - 5]
    assert difference(network, np.vstack([matrix, *strange])) < 1e-5


@pytest.mark.parametrize("name", FAMILIES)
def test_one_row_gives_what_it_gives_among_others(name: str, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p")
    network, _ = trained(case, steps=3)
    matrix = case.matrix()[:20]
    with torch.no_grad():
        together, alone = network.eval()(matrix), torch.cat([network(row.unsqueeze(0)) for row in matrix])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_infinite_features_give_finite_outputs(name: str, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p")
    rows = torch.full((2, len(case.prepared.facts.features)), float("inf")) * torch.tensor([[1.0], [-1.0]])
    with torch.no_grad():
        assert case.network().eval()(rows).isfinite().all()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_there_is_one_output_a_class_or_one_value(name: str, task: Task, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p", task)
    with torch.no_grad():
        raw = case.network().eval()(case.matrix())
    assert raw.shape[-1] == (2 if task == "binary" else 1)
    assert raw.dim() == (3 if name.startswith("tabm") else 2)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_weight_gets_a_gradient(name: str, tmp_path: Path) -> None:
    network, _ = trained(made(name, tmp_path / "p"), steps=2)
    still = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


@pytest.mark.parametrize("name", FAMILIES)
def test_it_learns_what_it_is_shown(name: str, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p", "regression" if "resnet" in name or "periodic" in name else "multiclass")
    _, first = trained(case, steps=1)
    _, last = trained(case, steps=50)
    assert last < 0.75 * first


@pytest.mark.parametrize("name", FAMILIES)
def test_the_seed_alone_decides_the_start(name: str, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p")
    one, same, other = (case.network(seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", FAMILIES)
def test_equal_networks_give_equal_graphs(name: str, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p")
    width = len(case.prepared.facts.features)
    graphs = {
        export(case.network().train(mode), lambda nodes, raw: nodes.reshape(raw, -1, 3), width=width, scores=3)
        for mode in (True, False)
    }
    assert len(graphs) == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_built_anew_takes_the_weights_of_another(name: str, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p")
    first, second = trained(case, steps=2)[0], case.network(seed=9)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        assert torch.equal(first.eval()(case.matrix()), second.eval()(case.matrix()))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_of_one_row_can_be_trained_on(name: str, tmp_path: Path) -> None:
    case = made(name, tmp_path / "p")
    assert case.network().train()(case.matrix()[:1]).isfinite().all()
