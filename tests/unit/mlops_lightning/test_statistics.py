from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops.formats.features import Prepared, PreparedFacts
from mlops.formats.table import Task
from mlops_lightning import statistics
from mlops_lightning.statistics import measure


def prepared(
    folder: Path, columns: dict[str, Any], *, task: Task = "regression", codes: tuple[str, ...] = ()
) -> Prepared:
    frame = pl.DataFrame(columns)
    features = tuple(name for name in columns if not name.startswith("__"))
    facts = PreparedFacts(
        task=task,
        target="y",
        features=features,
        categorical=codes,
        classes=() if task == "regression" else ("a", "b"),
    )
    parts: Any = {"train": frame, "validation": frame.clear(), "test": frame.clear()}
    folder.mkdir()
    return Prepared.create(folder, parts, facts=facts)


def floats(*values: float) -> pl.Series:
    return pl.Series(values, dtype=pl.Float32)


def test_numbers_are_measured_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    columns = {"x": floats(1.0, np.nan, 3.0, np.inf), "same": floats(2, 2, 2, 2), "__target__": floats(0, 2, 4, 6)}
    found = measure(prepared(tmp_path / "p", columns))
    assert found.rows == 4
    assert found.means.tolist() == [2.0, 2.0]
    assert found.deviations.tolist() == [1.0, 1.0]
    assert found.quantiles.shape == (2, 257)
    assert found.quantiles[0, [0, 128, 256]].tolist() == [1.0, 2.0, 3.0]
    assert (np.diff(found.quantiles) >= 0).all()


def test_a_feature_that_is_never_known_gives_zeros(tmp_path: Path) -> None:
    found = measure(prepared(tmp_path / "p", {"x": floats(np.nan, np.nan), "__target__": floats(0, 2)}))
    assert (found.means[0], found.deviations[0]) == (0.0, 1.0)
    assert not found.quantiles.any()


def test_the_target_of_a_regression_is_measured_by_weight(tmp_path: Path) -> None:
    columns = {"x": floats(1, 2, 3), "__target__": floats(0, 4, 100)}
    plain = measure(prepared(tmp_path / "p", columns))
    assert (plain.mean, plain.deviation) == pytest.approx((104 / 3, np.std([0, 4, 100])))
    heavy = measure(prepared(tmp_path / "q", {**columns, "__weight__": floats(1, 3, 0)}))
    assert (heavy.mean, heavy.deviation) == pytest.approx((3.0, np.std([0, 4, 4, 4])))


def test_a_target_that_never_changes_has_a_deviation_of_1(tmp_path: Path) -> None:
    assert measure(prepared(tmp_path / "p", {"x": floats(1, 2), "__target__": floats(5, 5)})).deviation == 1.0


def test_codes_are_counted_from_0(tmp_path: Path) -> None:
    columns = {"x": floats(0, 1), "code": floats(0, 4), "__target__": pl.Series([0, 1])}
    found = measure(prepared(tmp_path / "p", columns, task="binary", codes=("code",)))
    assert (found.cardinality, found.mean, found.deviation) == ((5,), 0.0, 1.0)


def test_of_many_rows_a_sample_spread_over_all_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "SAMPLE", 16)
    columns = {"x": pl.Series(np.arange(100), dtype=pl.Float32), "__target__": pl.Series(np.zeros(100))}
    found = measure(prepared(tmp_path / "p", columns))
    assert found.quantiles[0, [0, 256]].tolist() == [0.0, 98.0]
    assert found.means[0] == 49.0
