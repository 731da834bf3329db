"""What an XGBoost fit reports, where it runs, and that threads leave no trace."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops.formats.model import Fitted
from mlops.formats.splits import PARTS, PartName
from mlops.stage import Gpu, Machine
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared
from mlops_xgboost.booster import XGBoost

SMALL = XGBoost(rounds=40, early_stopping=5, max_depth=3)


def saved(fitted: Fitted, folder: Path) -> bytes:
    folder.mkdir()
    fitted.save(folder)
    return (folder / "model.json").read_bytes()


def changed(prepared: Prepared, folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Prepared:
    folder.mkdir()
    parts: dict[PartName, Any] = {part: change(prepared.read(part)) for part in PARTS}
    return Prepared.create(folder, parts, facts=prepared.facts)


def test_the_best_round_on_validation_is_kept(tmp_path: Path) -> None:
    metrics: dict[str, float] = {}
    context = make_context(tmp_path / "work", metrics=lambda name, value, step: metrics.update({name: value}))
    model = SMALL.model_copy(update={"learning_rate": 0.9})
    fitted = model.fit(make_prepared(tmp_path / "p", "binary"), context=context)
    curve = list(fitted.history()["validation_loss"])
    assert metrics["best_iteration"] == curve.index(min(curve)) + 1
    assert metrics["rounds"] == len(curve) == metrics["best_iteration"] + 5
    trees = json.loads(saved(fitted, tmp_path / "n"))["learner"]["gradient_booster"]["model"]["trees"]
    assert len(trees) == metrics["best_iteration"]


def test_every_round_runs_without_early_stopping(tmp_path: Path) -> None:
    model = SMALL.model_copy(update={"early_stopping": 0})
    fitted = model.fit(make_prepared(tmp_path / "p", "binary"), context=make_context(tmp_path / "work"))
    assert len(fitted.history()["train_loss"]) == len(fitted.history()["validation_loss"]) == 40


def test_the_number_of_threads_leaves_no_trace(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "multiclass", rows=3_000)
    model = SMALL.model_copy(update={"subsample": 0.7, "colsample_bytree": 0.7})
    one, two = (model.fit(prepared, context=make_context(tmp_path / str(cpus), cpus=cpus)) for cpus in (1, 2))
    assert saved(one, tmp_path / "a") == saved(two, tmp_path / "b")


def test_progress_names_the_loss(tmp_path: Path) -> None:
    notes: list[tuple[float, float, str]] = []
    context = replace(make_context(tmp_path / "work"), on_progress=lambda *said: notes.append(said))
    SMALL.fit(make_prepared(tmp_path / "p", "binary"), context=context)
    assert notes[0][:2] == (1, 40)
    assert notes[0][2].startswith("validation loss 0.")


def test_categories_that_only_validation_rows_have_are_no_reason_to_fail(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "binary")
    known = prepared.read("train").filter(pl.col("code") < 3)
    parts: dict[PartName, Any] = {part: prepared.read(part) for part in PARTS} | {"train": known}
    (tmp_path / "fewer").mkdir()
    fewer = Prepared.create(tmp_path / "fewer", parts, facts=prepared.facts)
    SMALL.fit(fewer, context=make_context(tmp_path / "work"))


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber"])
def test_every_loss_copes_with_any_unit_of_the_target(tmp_path: Path, loss: Any) -> None:
    def enlarged(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.col("__target__") * 1e5 + 1e6)

    prepared = changed(make_prepared(tmp_path / "p", "regression"), tmp_path / "large", enlarged)
    fitted = XGBoost(rounds=60, loss=loss).fit(prepared, context=make_context(tmp_path / "work"))
    error = np.abs(fitted.predict(prepared.matrix("test"))[:, 0] - prepared.target("test")).mean()
    assert error < 0.3 * np.abs(prepared.target("test") - prepared.target("train").mean()).mean()


def test_what_xgboost_refuses_is_a_stage_error(tmp_path: Path) -> None:
    broken = changed(
        make_prepared(tmp_path / "p", "binary"),
        tmp_path / "broken",
        lambda rows: rows.with_columns(first=pl.lit(float("inf"), dtype=pl.Float32)),
    )
    with pytest.raises(StageError, match=r"XGBoost cannot fit: .*inf") as caught:
        SMALL.fit(broken, context=make_context(tmp_path / "work"))
    assert "Stack trace" not in str(caught.value)
    assert ".cc:" not in str(caught.value)


def test_a_fit_prints_nothing_and_warns_of_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    SMALL.fit(make_prepared(tmp_path / "p", "multiclass"), context=make_context(tmp_path / "work"))
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_without_a_gpu_trees_grow_on_the_processor() -> None:
    (choice,) = XGBoost().resolve(Machine())
    assert (choice.key, choice.value, choice.reason) == ("device", "cpu", "no GPU here")


def test_a_gpu_that_the_installed_library_cannot_use_is_told() -> None:
    pytest.importorskip("xgboost")
    (choice,) = XGBoost().resolve(Machine(gpus=(Gpu("card"),)))
    assert choice.value in {"cpu", "cuda"}
    assert "xgboost-cpu" in choice.reason or choice.reason == "card"


def test_a_gpu_asked_for_and_not_there_is_told_with_its_fix() -> None:
    (choice,) = XGBoost(device="cuda").resolve(Machine())
    assert choice.fix == "set model.device: auto"


def test_a_gpu_asked_for_that_the_library_cannot_use_is_a_stage_error(tmp_path: Path) -> None:
    import xgboost

    if xgboost.build_info()["USE_CUDA"]:
        pytest.skip("this XGBoost can use a GPU")
    context = replace(make_context(tmp_path / "work"), machine=Machine(gpus=(Gpu("card"),)))
    with pytest.raises(StageError, match="cannot use a GPU"):
        XGBoost(device="cuda").fit(make_prepared(tmp_path / "p", "binary"), context=context)


def test_importances_are_shares_of_the_gain(tmp_path: Path) -> None:
    fitted = SMALL.fit(make_prepared(tmp_path / "p", "regression"), context=make_context(tmp_path / "work"))
    found = fitted.importances()
    assert sum(found.values()) == pytest.approx(1)
    assert max(found, key=lambda name: found[name]) == "first"
