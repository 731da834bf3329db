from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlops.formats.features import Batch, Prepared
from mlops.testing.prepared import make_prepared
from mlops_lightning.statistics import measure
from mlops_lightning.weighing import Weigher


def weighed(prepared: Prepared, *, balanced: bool = False) -> Batch:
    batch = Batch(prepared.matrix("train"), prepared.target("train"), prepared.weight("train"))
    return Weigher.of(prepared, measure(prepared), balanced=balanced).weighed(batch)


def test_rows_without_weights_have_none(tmp_path: Path) -> None:
    assert weighed(make_prepared(tmp_path / "p", "binary")).weight is None


def test_weights_have_a_mean_of_1_and_keep_their_ratio(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "binary", weighed=True)
    found, given = weighed(prepared).weight, prepared.weight("train")
    assert found is not None
    assert given is not None
    assert found.mean() == pytest.approx(1, abs=1e-6)
    assert found / found[0] == pytest.approx(given / given[0], rel=1e-5)


@pytest.mark.parametrize("heavy", [False, True])
def test_balanced_classes_have_the_same_weight_in_sum_where_rows_have(tmp_path: Path, heavy: bool) -> None:  # noqa: FBT001 - a case
    prepared = make_prepared(tmp_path / "p", "multiclass", weighed=heavy)
    target, found = prepared.target("train"), weighed(prepared, balanced=True).weight
    assert found is not None
    assert found.mean() == pytest.approx(1, abs=1e-5)
    if not heavy:
        sums = np.bincount(target, weights=found)
        assert sums == pytest.approx(np.full(3, len(target) / 3), rel=1e-4)


def test_the_target_of_a_regression_is_standardised(tmp_path: Path) -> None:
    target = weighed(make_prepared(tmp_path / "p", "regression")).target
    assert target.dtype == np.float32
    assert (target.mean(), target.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-3))


def test_a_regression_has_no_classes_to_balance(tmp_path: Path) -> None:
    assert weighed(make_prepared(tmp_path / "p", "regression"), balanced=True).weight is None
