"""The train stage: fits any family, keeps its predictions, records its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from mlops.errors import StageError
from mlops.formats import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.formats.table import Task
from mlops.stage import Context
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared
from mlops_train.loss import loss
from mlops_train.train import Train

Array = np.ndarray[Any, Any]


class Constant(Fitted):
    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = np.asarray(scores, dtype=np.float64)

    def predict(self, matrix: Array) -> Array:
        return np.tile(self.scores, (len(matrix), 1))

    def save(self, folder: Path) -> None:
        (folder / "scores.json").write_text(str(self.scores.tolist()))

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError

    def onnx(self) -> bytes:
        return b"graph"

    def importances(self) -> Mapping[str, float]:
        return {"first": 1.0}

    def history(self) -> Mapping[str, Sequence[float]]:
        return {"validation_loss": [3.0, 2.0]}


class Guess(Estimator):
    """Always says the same."""

    scores: tuple[float, ...]

    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        return Constant(self.scores)


def trained(tmp_path: Path, task: Task, *scores: float, weighed: bool = False) -> Any:
    metrics: list[tuple[str, float, int | None]] = []
    context = make_context(tmp_path / "work", metrics=lambda *said: metrics.append(said))
    prepared = make_prepared(tmp_path / "prepared", task, rows=40, weighed=weighed)
    model = Train(model=Guess(scores=scores)).run(prepared, context=context)
    return model, prepared, metrics


def test_predictions_of_held_out_parts_are_kept_in_order(tmp_path: Path) -> None:
    model, prepared, _ = trained(tmp_path, "binary", 0.25, 0.75, weighed=True)
    kept = model.predictions("test")
    assert kept.columns == ["score_0", "score_1", "__target__", "__weight__"]
    assert kept["__target__"].to_list() == prepared.target("test").tolist()
    assert kept["score_1"].dtype == pl.Float64


def test_facts_name_family_features_and_classes(tmp_path: Path) -> None:
    facts = trained(tmp_path, "binary", 0.5, 0.5)[0].facts
    assert facts.family.endswith("test_train.Guess")
    assert facts.classes == ("no", "yes")
    assert facts.importances == {"first": 1.0}
    assert (tmp_path / "work/model/native/scores.json").exists()


def test_curves_are_recorded_by_step_and_the_loss_once(tmp_path: Path) -> None:
    metrics = trained(tmp_path, "regression", 0.0)[2]
    assert metrics[:2] == [("validation_loss", 3.0, 0), ("validation_loss", 2.0, 1)]
    assert [(name, step) for name, _, step in metrics[2:]] == [("validation_rmse", None)]


def test_a_wrong_shape_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"\(20, 3\) where \(20, 2\)"):
        trained(tmp_path, "binary", 0.2, 0.3, 0.5)


def test_a_diverged_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no numbers"):
        trained(tmp_path, "regression", float("nan"))


def test_the_model_section_is_built_from_its_target() -> None:
    section = {"model": {"_target_": "somewhere.Guess", "scores": [1.0]}}
    stage = Train.model_validate(section, context={"resolve": lambda target, kind: Guess})
    assert stage.model == Guess(scores=(1.0,))


def test_a_misspelt_key_of_the_model_is_refused() -> None:
    section = {"model": {"_target_": "somewhere.Guess", "scores": [1.0], "sores": 2}}
    with pytest.raises(ValidationError, match="sores"):
        Train.model_validate(section, context={"resolve": lambda target, kind: Guess})


def test_log_loss_of_even_odds_is_the_logarithm_of_two() -> None:
    frame = pl.DataFrame({"score_0": [0.5, 0.5], "score_1": [0.5, 0.5], "__target__": [0, 1]})
    name, value = loss(frame, "binary")
    assert name == "log_loss"
    assert value == pytest.approx(np.log(2))


def test_log_loss_stays_finite_when_the_truth_was_called_impossible() -> None:
    frame = pl.DataFrame({"score_0": [1.0], "score_1": [0.0], "__target__": [1]})
    assert np.isfinite(loss(frame, "binary")[1])


def test_squared_error_counts_rows_by_weight() -> None:
    frame = pl.DataFrame({"score_0": [0.0, 0.0], "__target__": [1.0, 3.0], "__weight__": [3.0, 1.0]})
    name, value = loss(frame, "regression")
    assert name == "rmse"
    assert value == pytest.approx(np.sqrt(3))
