from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from mlops.errors import StageError
from mlops_evaluate.catalogue import METRICS, STANDARD, MetricName, for_task
from mlops_evaluate.evaluate import Evaluate


def test_every_name_has_an_entry() -> None:
    assert tuple(METRICS) == get_args(MetricName)


@pytest.mark.parametrize("task", list(STANDARD))
def test_standard_metrics_fit_their_task(task: Any) -> None:
    assert all(task in METRICS[name].tasks for name in STANDARD[task])


def test_no_names_ask_for_the_standard_set() -> None:
    assert for_task("regression", ()) == STANDARD["regression"]


def test_a_name_asked_for_twice_is_measured_once() -> None:
    assert for_task("regression", ("mae", "mae")) == ("mae",)


def test_a_metric_of_another_task_is_refused_with_a_near_one() -> None:
    with pytest.raises(StageError, match="'roc_auc' does not fit a multiclass model") as caught:
        for_task("multiclass", ("roc_auc",))
    assert "did you mean 'roc_auc_ovr'?" in caught.value.fix


def test_an_unknown_metric_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValidationError, match="Input should be 'roc_auc'"):
        Evaluate.model_validate({"metrics": ["roc_auk"]})


def test_a_headline_that_is_not_measured_is_refused() -> None:
    with pytest.raises(ValidationError, match="`headline` is f1, which `metrics` does not list"):
        Evaluate(metrics=("mcc",), headline="f1")


@pytest.mark.parametrize("threshold", [0, 1, "best_mcc"])
def test_a_threshold_is_a_share_or_a_rule(threshold: Any) -> None:
    with pytest.raises(ValidationError, match="threshold"):
        Evaluate.model_validate({"threshold": threshold})
