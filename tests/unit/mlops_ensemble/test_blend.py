"""The stage that joins trained models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats import Model, Prepared
from mlops.formats.artifact import Artifact
from mlops.formats.model import Estimator
from mlops.formats.table import Task
from mlops.stage import Stage
from mlops.testing import StageContract, make_context
from mlops.testing.prepared import make_prepared
from mlops_ensemble.blend import Blend
from mlops_ensemble.fitted import FittedEnsemble
from mlops_lightgbm.booster import LightGBM
from mlops_sklearn.linear import Linear
from mlops_train.train import Train

FAMILIES: Mapping[str, Estimator] = {"trees": LightGBM(rounds=12, min_data_in_leaf=5), "line": Linear()}


def _trained(folder: Path, task: Task) -> tuple[Prepared, dict[str, Model]]:
    prepared = make_prepared(folder / "prepared", task)
    models = {
        name: Train(model=family).run(prepared=prepared, context=make_context(folder / name))
        for name, family in FAMILIES.items()
    }
    return prepared, models


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_is_no_worse_on_validation_rows_than_the_best_model(tmp_path: Path, task: Task) -> None:
    found: dict[str, float] = {}

    def keep(name: str, value: float, step: int | None) -> None:
        found[name] = value

    prepared, models = _trained(tmp_path, task)
    singles = []
    for name, family in FAMILIES.items():
        Train(model=family).run(prepared=prepared, context=make_context(tmp_path / f"{name}-again", metrics=keep))
        singles.append(next(value for key, value in found.items() if key in ("validation_log_loss", "validation_rmse")))
    Blend().run(prepared=prepared, context=make_context(tmp_path / "blend", metrics=keep), **models)
    assert found.get("validation_log_loss", found.get("validation_rmse")) <= min(singles)  # type: ignore[operator] # told


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_graph_predicts_what_is_written_down(tmp_path: Path, task: Task) -> None:
    prepared, models = _trained(tmp_path, task)
    made = Blend().run(prepared=prepared, context=make_context(tmp_path / "blend"), **models)
    session = onnxruntime.InferenceSession(made.graph, providers=["CPUExecutionProvider"])
    scores = session.run(["scores"], {"features": prepared.matrix("test")})[0]
    written = made.predictions("test").select(pl.col("^score_\\d+$")).to_numpy()
    assert np.abs(scores - written).max() <= 1e-5 * max(1.0, np.abs(written).max())


def test_what_it_saves_loads_as_its_graphs(tmp_path: Path) -> None:
    prepared, models = _trained(tmp_path, "binary")
    made = Blend().run(prepared=prepared, context=make_context(tmp_path / "blend"), **models)
    loaded = FittedEnsemble.load(made.folder / "native")
    written = made.predictions("test").select(pl.col("^score_\\d+$")).to_numpy()
    assert np.abs(loaded.predict(prepared.matrix("test")) - written).max() <= 1e-5


def test_refuses_models_of_other_features(tmp_path: Path) -> None:
    prepared, models = _trained(tmp_path / "a", "binary")
    _, others = _trained(tmp_path / "b", "multiclass")
    with pytest.raises(StageError, match="trained on other features or another target"):
        Blend().run(prepared=prepared, context=make_context(tmp_path / "blend"), one=models["line"], two=others["line"])


def test_refuses_to_join_nothing(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "prepared", "binary")
    with pytest.raises(StageError, match="there are no models to join"):
        Blend().run(prepared=prepared, context=make_context(tmp_path / "blend"))


class TestBlend(StageContract):
    def stage(self) -> Stage:
        return Blend(rounds=5)

    def inputs(self, folder: Path) -> Mapping[str, Artifact]:
        prepared, models = _trained(folder / "made", "binary")
        made: dict[str, Artifact] = {"prepared": Prepared(prepared.folder.rename(folder / "prepared"))}
        for name, model in models.items():
            made[name] = Model(model.folder.rename(folder / name))
        return made
