from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mlops.errors import StageError
from mlops.formats.features import PreparedFacts
from mlops.testing import make_context
from mlops.testing.estimator import EstimatorContract
from mlops.testing.prepared import make_prepared
from mlops_lightning.fitted import FittedNetwork
from mlops_lightning.userland import LightningEstimator


class Plain(pl.LightningModule):
    """A network; how it is trained, the recipe says."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, outputs))

    def forward(self, features: Tensor) -> Tensor:
        made: Tensor = self.layers(features.nan_to_num())
        return made


class HalfSaid(Plain):
    """Says how a step goes, not who takes it."""

    def training_step(self, batch: tuple[Tensor, ...]) -> Tensor:
        features, target, *weight = batch
        raw = self(features)
        if raw.shape[1] == 1:
            loss = functional.mse_loss(raw[:, 0], target, reduction="none")
        else:
            loss = functional.cross_entropy(raw, target, reduction="none")
        return (loss * weight[0]).mean() if weight else loss.mean()


class Own(HalfSaid):
    """Trains as it likes."""

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.02)

    def validation_step(self, batch: tuple[Tensor, ...]) -> None:
        self.log("validation_loss", self.training_step(batch))


class Mine(LightningEstimator):
    """The module that the field names."""

    which: str = "Own"

    def module(self, facts: PreparedFacts) -> Plain:
        kind = {"Own": Own, "Plain": Plain, "HalfSaid": HalfSaid}[self.which]
        return kind(len(facts.features), max(1, len(facts.classes)))


@pytest.mark.slow
class TestContract(EstimatorContract):
    def estimator(self, task: Any) -> Mine:
        return Mine(epochs=15, batch_size=32)


@pytest.mark.parametrize("which", ["Own", "Plain"])
def test_a_module_of_ones_own_learns_and_exports(tmp_path: Path, which: str, capfd: pytest.CaptureFixture[str]) -> None:
    prepared = make_prepared(tmp_path / "prepared", "regression")
    model = Mine(which=which, epochs=15, batch_size=32, lr=0.02)
    fitted = model.fit(prepared, context=make_context(tmp_path / "work"))
    matrix = prepared.matrix("test")
    error = fitted.predict(matrix)[:, 0] - prepared.target("test")
    assert (error**2).mean() < 0.3 * prepared.target("test").var()
    graph = fitted.onnx()
    assert str(Path.cwd()).encode() not in graph
    assert b".py" not in graph
    assert capfd.readouterr() == ("", "")
    import onnxruntime

    session = onnxruntime.InferenceSession(graph)
    (found,) = session.run(["scores"], {"features": matrix})
    assert found == pytest.approx(fitted.predict(matrix), abs=1e-4)


def test_a_step_without_an_optimizer_is_refused(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "prepared", "binary")
    with pytest.raises(StageError, match="HalfSaid has a training_step but no configure_optimizers"):
        Mine(which="HalfSaid").fit(prepared, context=make_context(tmp_path / "work"))


def test_a_saved_model_names_no_class_of_its_own_to_load(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "prepared", "binary")
    fitted = Mine(which="Plain", epochs=1).fit(prepared, context=make_context(tmp_path / "work"))
    native = tmp_path / "native"
    native.mkdir()
    fitted.save(native)
    with pytest.raises(StageError, match="not one of mlops_lightning"):
        FittedNetwork.load(native)
    described = json.loads((native / "network.json").read_text())
    (native / "network.json").write_text(json.dumps({**described, "family": "os.system"}))
    with pytest.raises(StageError, match=r"family os\.system"):
        FittedNetwork.load(native)
    assert (FittedNetwork.of(Mine).load(native).predict(prepared.matrix("test")) >= 0).all()
