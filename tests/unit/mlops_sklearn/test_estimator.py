"""What a fit of any estimator reports and refuses, and that its graph is the estimator."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops.formats.model import Fitted
from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Task
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared
from mlops_sklearn.estimator import Sklearn
from mlops_sklearn.wrapped import run_graph

FOREST = Sklearn(estimator="RandomForest", params={"n_estimators": 5})
BOOSTED = Sklearn(estimator="HistGradientBoosting", params={"max_iter": 10})


def fitted(model: Sklearn, prepared: Prepared, folder: Path, *, cpus: int = 1) -> Fitted:
    return model.fit(prepared, context=make_context(folder, cpus=cpus))


def changed(prepared: Prepared, folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Prepared:
    folder.mkdir()
    parts: dict[PartName, Any] = {part: change(prepared.read(part)) for part in PARTS}
    return Prepared.create(folder, parts, facts=prepared.facts)


def gap(model: Fitted, matrix: Any) -> float:
    found, expected = run_graph(model.onnx(), matrix), model.predict(matrix)
    return float((np.abs(found - expected) / np.abs(expected).clip(min=1)).max())


@pytest.mark.parametrize("model", [FOREST, BOOSTED])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_missing_values_go_the_way_that_training_learnt(tmp_path: Path, model: Sklearn, task: Task) -> None:
    def holes(rows: pl.DataFrame) -> pl.DataFrame:
        hole = pl.Series(np.random.default_rng(rows.height).random(rows.height) < 0.3)
        return rows.with_columns(first=pl.when(hole).then(float("nan")).otherwise(pl.col("first")).cast(pl.Float32))

    prepared = changed(make_prepared(tmp_path / "p", task), tmp_path / "holes", holes)
    assert gap(fitted(model, prepared, tmp_path / "work"), prepared.matrix("test")) < 1e-6


@pytest.mark.parametrize("model", [FOREST, BOOSTED])
def test_thresholds_tell_neighbouring_float32_numbers_apart(tmp_path: Path, model: Sklearn) -> None:
    def dense(rows: pl.DataFrame) -> pl.DataFrame:
        first = int(np.float32(1).view(np.uint32))
        values = np.arange(first, first + 40, dtype=np.uint32).view(np.float32)
        target = np.random.default_rng(0).normal(size=40)
        place = np.arange(rows.height) % 40
        return rows.with_columns(first=pl.Series(values[place]), __target__=pl.Series(target[place]))

    prepared = changed(make_prepared(tmp_path / "p", "regression", rows=800), tmp_path / "dense", dense)
    assert gap(fitted(model, prepared, tmp_path / "work"), prepared.matrix("train")) < 1e-6


@pytest.mark.parametrize("name", ["RandomForest", "GradientBoosting", "KNeighbors"])
def test_a_class_without_train_rows_has_no_probability(tmp_path: Path, name: str) -> None:
    prepared = make_prepared(tmp_path / "p", "multiclass")
    parts: dict[PartName, Any] = {part: prepared.read(part) for part in PARTS}
    parts["train"] = parts["train"].filter(pl.col("__target__") != 1)
    (tmp_path / "two").mkdir()
    two = Prepared.create(tmp_path / "two", parts, facts=prepared.facts)
    model = fitted(Sklearn(estimator=name), two, tmp_path / "work")
    assert (model.predict(two.matrix("test"))[:, 1] == 0).all()
    assert gap(model, two.matrix("test")) < 1e-5


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma", "absolute_error"])
def test_histogram_boosting_of_every_loss(tmp_path: Path, loss: str) -> None:
    prepared = changed(
        make_prepared(tmp_path / "p", "regression"),
        tmp_path / "positive",
        lambda rows: rows.with_columns(pl.col("__target__").exp()),
    )
    model = BOOSTED.model_copy(update={"params": {"max_iter": 10, "loss": loss}})
    assert gap(fitted(model, prepared, tmp_path / "work"), prepared.matrix("test")) < 1e-5


@pytest.mark.parametrize("model", [FOREST, BOOSTED, Sklearn(estimator="MLP", params={"max_iter": 5})])
def test_the_number_of_threads_leaves_no_trace(tmp_path: Path, model: Sklearn) -> None:
    prepared = make_prepared(tmp_path / "p", "multiclass", rows=2_000)
    one, two = (fitted(model, prepared, tmp_path / str(cpus), cpus=cpus) for cpus in (1, 2))
    assert one.onnx() == two.onnx()
    assert (one.predict(prepared.matrix("test")) == two.predict(prepared.matrix("test"))).all()


def test_what_is_saved_names_the_estimator_and_its_parameters(tmp_path: Path) -> None:
    model = fitted(FOREST, make_prepared(tmp_path / "p", "binary"), tmp_path / "work")
    (tmp_path / "native").mkdir()
    model.save(tmp_path / "native")
    told = json.loads((tmp_path / "native" / "facts.json").read_text())
    assert told["estimator"] == "sklearn.ensemble._forest.RandomForestClassifier"
    assert told["params"] == {"n_estimators": 5}
    assert sorted(path.name for path in (tmp_path / "native").iterdir()) == ["facts.json", "model.onnx"]


@pytest.mark.parametrize("name", ["RandomForest", "LogisticRegression"])
def test_importances_are_shares(tmp_path: Path, name: str) -> None:
    model = fitted(Sklearn(estimator=name), make_prepared(tmp_path / "p", "binary"), tmp_path / "work")
    found = model.importances()
    assert sum(found.values()) == pytest.approx(1)
    assert max(found, key=lambda key: found[key]) == "first"


@pytest.mark.parametrize(("name", "rounds"), [("MLP", 5), ("GradientBoosting", 5)])
def test_the_loss_of_each_round_is_kept(tmp_path: Path, name: str, rounds: int) -> None:
    params = {"max_iter": 5} if name == "MLP" else {"n_estimators": 5}
    model = fitted(Sklearn(estimator=name, params=params), make_prepared(tmp_path / "p", "binary"), tmp_path / "work")
    assert len(model.history()["train_loss"]) == rounds


def test_one_without_probabilities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="RidgeClassifier gives no probabilities") as caught:
        fitted(Sklearn(estimator="RidgeClassifier"), make_prepared(tmp_path / "p", "binary"), tmp_path / "work")
    assert "LogisticRegression" in caught.value.fix


def test_one_that_no_converter_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="GaussianProcessClassifier cannot be shipped as ONNX") as caught:
        fitted(
            Sklearn(estimator="GaussianProcessClassifier"),
            make_prepared(tmp_path / "p", "multiclass", rows=60),
            tmp_path / "work",
        )
    assert "RandomForest" in caught.value.fix


def test_one_whose_graph_predicts_otherwise_is_refused(tmp_path: Path) -> None:
    name = "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"
    with pytest.raises(StageError, match="its graph differs by"):
        fitted(Sklearn(estimator=name), make_prepared(tmp_path / "p", "binary"), tmp_path / "work")


def test_a_value_that_a_parameter_cannot_have_is_told(tmp_path: Path) -> None:
    model = Sklearn(estimator="RandomForest", params={"n_estimators": -3})
    with pytest.raises(StageError, match=r"cannot fit: The 'n_estimators' parameter .* -3"):
        fitted(model, make_prepared(tmp_path / "p", "binary"), tmp_path / "work")


def test_missing_values_that_an_estimator_does_not_take_are_told_with_their_fix(tmp_path: Path) -> None:
    prepared = changed(
        make_prepared(tmp_path / "p", "binary"),
        tmp_path / "holes",
        lambda rows: rows.with_columns(first=pl.lit(float("nan"), dtype=pl.Float32)),
    )
    with pytest.raises(StageError, match="KNeighborsClassifier cannot fit: .*NaN") as caught:  # noqa: RUF043 - a pattern
        fitted(Sklearn(estimator="KNeighbors"), prepared, tmp_path / "work")
    assert "features.numeric.impute" in caught.value.fix


def test_weights_that_an_estimator_does_not_take_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepared = make_prepared(tmp_path / "p", "binary", weighed=True)
    fitted(Sklearn(estimator="KNeighbors"), prepared, tmp_path / "work")
    assert "KNeighborsClassifier takes no row weights" in caplog.text


def test_classes_cannot_be_balanced_where_no_weights_are_taken(tmp_path: Path) -> None:
    model = Sklearn(estimator="KNeighbors", class_weight="balanced")
    with pytest.raises(StageError, match="its classes cannot be balanced"):
        fitted(model, make_prepared(tmp_path / "p", "binary"), tmp_path / "work")


def test_what_scikit_learn_warns_of_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fitted(Sklearn(estimator="MLP", params={"max_iter": 2}), make_prepared(tmp_path / "p", "binary"), tmp_path / "work")
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == len(set(warned)) == 1
    assert "hasn't converged" in warned[0]
