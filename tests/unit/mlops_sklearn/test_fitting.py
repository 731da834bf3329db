"""How a linear model chooses its strength, and what it refuses."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared
from mlops_sklearn.linear import Linear


def test_the_best_strength_on_validation_is_kept(tmp_path: Path) -> None:
    metrics: dict[str, float] = {}
    context = make_context(tmp_path / "work", metrics=lambda name, value, step: metrics.update({name: value}))
    fitted = Linear(path=(1e6, 1.0)).fit(make_prepared(tmp_path / "p", "binary"), context=context)
    assert metrics["strength"] == 1.0
    strong, weak = fitted.history()["validation_loss"]
    assert weak < strong


def test_a_given_strength_is_taken(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "regression")
    flat, free = (
        Linear(strength=strength).fit(prepared, context=make_context(tmp_path / str(strength)))
        for strength in (1e9, 0.01)
    )
    matrix = prepared.matrix("test")
    assert flat.predict(matrix).std() < 0.01 < free.predict(matrix).std()


def test_least_squares_finds_the_true_weights(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "regression")
    fitted = Linear(strength=1e-6).fit(prepared, context=make_context(tmp_path / "work"))
    matrix: Any = prepared.matrix("test")
    assert fitted.predict(matrix)[:, 0] == pytest.approx(prepared.target("test"), abs=1e-4)
    moved = matrix + np.array([[1, 0, 0]], np.float32)
    assert (fitted.predict(moved) - fitted.predict(matrix)).mean() == pytest.approx(2, abs=1e-3)


def test_missing_values_are_refused_with_the_way_out(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "binary")
    broken = prepared.read("train").with_columns(pl.lit(float("nan"), dtype=pl.Float32).alias("first"))
    broken.write_parquet(prepared.folder / "train.parquet")
    with pytest.raises(StageError, match=r"(?s)have some: first.*features\.numeric\.impute"):
        Linear().fit(prepared, context=make_context(tmp_path / "work"))


def test_an_unfinished_solver_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = Linear(strength=1e-6, penalty="l1", max_iter=1)
    with caplog.at_level(logging.WARNING):
        model.fit(make_prepared(tmp_path / "p", "binary"), context=make_context(tmp_path / "work"))
    assert "raise model.max_iter" in caplog.text
