"""What a LightGBM fit reports, and that threads leave no trace."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mlops.errors import StageError
from mlops.formats.model import Fitted
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared
from mlops_lightgbm.booster import LightGBM

SMALL = LightGBM(rounds=40, early_stopping=5, num_leaves=7, min_data_in_leaf=5)


def saved(fitted: Fitted, folder: Path) -> bytes:
    folder.mkdir()
    fitted.save(folder)
    return (folder / "model.txt").read_bytes()


def test_the_best_round_on_validation_is_kept(tmp_path: Path) -> None:
    metrics: dict[str, float] = {}
    context = make_context(tmp_path / "work", metrics=lambda name, value, step: metrics.update({name: value}))
    fitted = SMALL.model_copy(update={"learning_rate": 0.9}).fit(
        make_prepared(tmp_path / "p", "binary"), context=context
    )
    curve = list(fitted.history()["validation_loss"])
    assert metrics["best_iteration"] == curve.index(min(curve)) + 1
    assert metrics["rounds"] == len(curve) == metrics["best_iteration"] + 5
    (tmp_path / "native").mkdir()
    assert saved(fitted, tmp_path / "n").count(b"\nTree=") == metrics["best_iteration"]


def test_every_round_runs_without_early_stopping(tmp_path: Path) -> None:
    model = SMALL.model_copy(update={"early_stopping": 0})
    fitted = model.fit(make_prepared(tmp_path / "p", "binary"), context=make_context(tmp_path / "work"))
    assert len(fitted.history()["train_loss"]) == 40


def test_the_number_of_threads_leaves_no_trace(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "multiclass")
    one, two = (SMALL.fit(prepared, context=make_context(tmp_path / str(cpus), cpus=cpus)) for cpus in (1, 2))
    assert saved(one, tmp_path / "a") == saved(two, tmp_path / "b")


def test_progress_names_the_loss(tmp_path: Path) -> None:
    from dataclasses import replace

    notes: list[tuple[float, float, str]] = []
    context = replace(make_context(tmp_path / "work"), on_progress=lambda *said: notes.append(said))
    SMALL.fit(make_prepared(tmp_path / "p", "binary"), context=context)
    assert notes[0][:2] == (1, 40)
    assert notes[0][2].startswith("validation loss 0.")


def test_what_lightgbm_warns_of_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    model = LightGBM(rounds=5, min_data_in_leaf=10_000)
    model.fit(make_prepared(tmp_path / "p", "binary"), context=make_context(tmp_path / "work"))
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == len(set(warned)) > 0
    assert capfd.readouterr().out == ""


def test_what_lightgbm_refuses_is_a_stage_error(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "regression")
    frame = prepared.read("train")
    frame.clear().write_parquet(prepared.folder / "train.parquet")
    with pytest.raises(StageError, match="LightGBM cannot fit"):
        SMALL.fit(prepared, context=make_context(tmp_path / "work"))
