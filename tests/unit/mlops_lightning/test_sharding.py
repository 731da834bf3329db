"""Networks spread over two processes compute what whole ones do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor

from mlops.formats.features import Prepared
from mlops.testing.prepared import make_prepared, make_prepared_images, make_prepared_texts
from mlops_lightning.averaging import Averages
from mlops_lightning.cnn import CNN
from mlops_lightning.estimator import NeuralEstimator
from mlops_lightning.image_resnet import ImageResNet
from mlops_lightning.mlp import MLP
from mlops_lightning.resnet import ResNet
from mlops_lightning.sharding import like, local, shard, whole
from mlops_lightning.statistics import measure
from mlops_lightning.tabm import TabM
from mlops_lightning.text_bag import TextBag
from mlops_lightning.text_transformer import TextTransformer

Together = Callable[[Callable[[int], Any]], list[Any]]

FAMILIES: dict[str, tuple[NeuralEstimator, Callable[..., Prepared]]] = {
    "mlp": (MLP(hidden=(8, 7)), make_prepared),
    "resnet": (ResNet(), make_prepared),
    "tabm": (TabM(), make_prepared),
    "cnn": (CNN(channels=(8, 8)), make_prepared_images),
    "image_resnet": (ImageResNet(), make_prepared_images),
    "text_bag": (TextBag(width=8, buckets=50), make_prepared_texts),
    "text_transformer": (TextTransformer(), make_prepared_texts),
}


def spread(network: nn.Module) -> nn.Module:
    shard(network, init_device_mesh("cpu", (2,)))
    return network


def stepped(network: nn.Module, features: torch.Tensor) -> None:
    """Take one large step."""
    network(features).square().mean().backward()
    with torch.no_grad():
        for weight in network.parameters():
            if weight.grad is not None:
                weight.sub_(weight.grad)
                weight.grad = None


class Small(nn.Module):
    """A list of layers, and weights beside it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        self.last = nn.Linear(3, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.last(self.layers(features))
        return made


# Nothing here works in place on what a layer gives; in a fit the warning is a line for debugging.
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module:UserWarning")
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_learns_the_same_when_it_is_spread(tmp_path: Path, together: Together, name: str) -> None:
    family, prepare = FAMILIES[name]
    prepared = prepare(tmp_path / "prepared", "binary", rows=40)
    facts, statistics = prepared.facts, measure(prepared)
    rows = torch.from_numpy(prepared.matrix("train").copy())

    def work(rank: int) -> Any:
        del rank
        made = []
        for change in (lambda network: network, spread):
            torch.manual_seed(5)
            network = change(family.network(facts, statistics)).eval()
            stepped(network, rows)
            made.append((whole(network.state_dict()), network(rows).detach()))
        (weights, scores), (others, scores_of_others) = made
        close = [torch.allclose(weights[key], others[key], atol=1e-5) for key in weights]
        parts = sum(isinstance(weight, DTensor) for weight in network.parameters())
        return [all(close), weights.keys() == others.keys(), torch.allclose(scores, scores_of_others, atol=1e-4), parts]

    for same_weights, same_names, same_scores, parts in together(work):
        assert (same_weights, same_names, same_scores) == (True, True, True)
        assert parts


def test_an_average_that_was_looked_at_is_not_trained_on(together: Together) -> None:
    def work(rank: int) -> Any:
        del rank
        network = Small()
        averages = Averages(network, "ema", decay=0.9)
        spread(network)
        features = torch.tensor([[1.0, 2.0], [0.5, -1.0]])
        for _ in range(3):
            stepped(network, features)
            averages.after_step()
        before = whole(network.state_dict())["last.weight"]
        with averages.in_place(), torch.no_grad():
            average = whole(network.state_dict())["last.weight"]
            network.eval()(features)
        used: list[torch.Tensor] = []
        network.last.register_forward_pre_hook(lambda module, _: used.append(module.weight.detach().clone()))
        network.train()(features)
        return [torch.equal(used[0], before), torch.equal(average, before)]

    assert together(work) == [[True, False]] * 2


def test_a_whole_tensor_is_spread_like_another_and_gathered_again(together: Together) -> None:
    def work(rank: int) -> Any:
        weight = spread(Small()).get_parameter("layers.0.weight")
        made = like(torch.arange(6.0).reshape(3, 2), weight)
        return [rank, local(made).tolist(), whole({"it": [made]})["it"][0].tolist()]

    rows = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert together(work) == [[0, rows[:2], rows], [1, rows[2:], rows]]


def test_what_is_not_spread_is_copied_as_it_is() -> None:
    tensor = torch.ones(2)
    tree = whole({"a": [tensor], "b": 3})
    tensor.add_(1)
    assert (tree["a"][0].tolist(), tree["b"], local(tensor) is tensor) == ([1.0, 1.0], 3, True)
    copied = like(tensor, torch.zeros(5))
    tensor.add_(1)
    assert copied.tolist() == [2.0, 2.0]
