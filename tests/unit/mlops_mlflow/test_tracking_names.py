"""Names as MLflow takes them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name

from mlops_mlflow.tracking_names import allowed


def test_an_ordinary_name_stays() -> None:
    for name in ("train.loss", "seconds.train", "a/b", "validation.roc auc", "model._target_"):
        assert allowed(name) == name


def test_two_names_stay_two() -> None:
    assert allowed("größe") != allowed("gräße")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_mlflow_takes_whatever_comes_out(name: str) -> None:
    _validate_metric_name(allowed(name))
    assert len(allowed(name)) <= 250
