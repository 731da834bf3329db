"""Row weights: the table's, and classes made equally heavy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlops.formats.weights import row_weights
from mlops.testing.prepared import make_prepared


def test_no_weights_is_none(tmp_path: Path) -> None:
    assert row_weights(make_prepared(tmp_path / "p", "binary"), "train") is None


def test_balanced_classes_weigh_the_same_on_train_rows(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "multiclass")
    weight = row_weights(prepared, "train", balanced=True)
    assert weight is not None
    assert np.bincount(prepared.target("train"), weights=weight) == pytest.approx([100, 100, 100])


def test_balancing_multiplies_the_tables_weights(tmp_path: Path) -> None:
    plain = make_prepared(tmp_path / "plain", "binary")
    weighed = make_prepared(tmp_path / "weighed", "binary", weighed=True)
    plain_weight, weight = (row_weights(item, "train", balanced=True) for item in (plain, weighed))
    own = weighed.weight("train")
    assert own is not None
    assert plain_weight is not None
    assert np.bincount(weighed.target("train")).tolist() == np.bincount(plain.target("train")).tolist()
    assert weight == pytest.approx(plain_weight * own)


def test_regression_has_no_classes_to_balance(tmp_path: Path) -> None:
    assert row_weights(make_prepared(tmp_path / "p", "regression"), "train", balanced=True) is None
