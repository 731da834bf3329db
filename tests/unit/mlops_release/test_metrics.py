from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.formats.table import Task
from mlops_evaluate.families import prepare
from mlops_evaluate.scored import Scored
from mlops_release.catalogue import BETTER, MEASURED
from mlops_release.metrics import measure_of
from mlops_release.outcomes import Outcomes

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


def outcomes(task: Task, seed: int, *, rows: int = 60) -> Outcomes:
    rng = np.random.default_rng(seed)
    weight = rng.choice([0.0, 0.5, 1.0, 3.0], rows)
    weight[0] = 1.0
    if task == "regression":
        target = np.round(rng.normal(0, 3, rows), 1)
        return Outcomes(task, np.round(target + rng.normal(0, 1, rows), 1)[:, None], target, weight)
    classes = 2 if task == "binary" else 4
    target = np.concatenate([np.arange(classes), rng.integers(0, classes, rows - classes)])
    raw = np.round(rng.random((rows, classes)), 1) + 0.1 + 0.5 * np.eye(classes)[target]
    return Outcomes(task, raw / raw.sum(axis=1, keepdims=True), target, weight, threshold=0.4)


@pytest.mark.parametrize("task", TASKS)
@given(seed=st.integers(0, 10_000), even=st.booleans())
@settings(max_examples=25, deadline=None)
def test_metrics_are_those_of_the_evaluation(task: Task, seed: int, *, even: bool) -> None:
    mine = outcomes(task, seed)
    weight = np.ones(mine.rows) if even else mine.weight
    names: Any = MEASURED[task]
    theirs = prepare(task, names, Scored(mine.scores, mine.target, weight), threshold=mine.threshold)(weight)
    for name in MEASURED[task]:
        found = measure_of(name, mine)(weight)
        assert found == pytest.approx(theirs[name], rel=1e-9, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("task", TASKS)
def test_whole_weights_count_as_repeated_rows(task: Task) -> None:
    mine = outcomes(task, 5)
    times = np.random.default_rng(1).integers(0, 3, mine.rows)
    repeated = mine.only(np.repeat(np.arange(mine.rows), times))
    for name in MEASURED[task]:
        weighed, plain = measure_of(name, mine)(times.astype(float)), measure_of(name, repeated)(np.ones(repeated.rows))
        assert weighed == pytest.approx(plain, nan_ok=True), name


def test_one_class_alone_has_no_area() -> None:
    mine = outcomes("binary", 1)
    alone = mine.only(mine.target == 1)
    assert np.isnan(measure_of("roc_auc", alone)(alone.weight))


def test_every_metric_has_a_direction() -> None:
    assert set(BETTER) == {name for names in MEASURED.values() for name in names}
    assert {BETTER["roc_auc"], BETTER["log_loss"]} == {1, -1}
