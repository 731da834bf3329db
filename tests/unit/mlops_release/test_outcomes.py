"""What gates measure with the bundle is what the evaluation measured with the native model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats import Splits
from mlops.formats.splits import PARTS
from mlops.formats.table import Task
from mlops.services.gate import Evidence
from mlops.testing import make_context
from mlops.testing.evidence import make_evidence
from mlops_evaluate.evaluate import Evaluate
from mlops_release.catalogue import MEASURED
from mlops_release.metrics import measure_of
from mlops_release.outcomes import outcomes_of
from tests.unit.mlops_onnx.conftest import chain


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_metrics_are_those_of_evaluation_json(task: Task, tmp_path: Path) -> None:
    made = chain(task, tmp_path / "chain")
    stage = Evaluate.model_validate({"bootstrap": 0, "metrics": MEASURED[task]})
    evaluation = stage.run(made.model, made.prepared, context=make_context(tmp_path / "evaluate"))
    evidence = Evidence(made.bundle, made.splits, evaluation, None, make_context(tmp_path / "work"))
    outcomes = outcomes_of(evidence, evidence.predictions)
    for name in MEASURED[task]:
        found = measure_of(name, outcomes)(outcomes.weight)
        assert found == pytest.approx(evaluation.value(name), rel=1e-4, abs=1e-5), name


def test_row_weights_count(tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path / "evidence")
    frames = {part: evidence.splits.read(part).with_columns(heft=pl.int_range(pl.len()) % 3) for part in PARTS}
    (tmp_path / "weighed").mkdir()
    roles = evidence.splits.roles.model_copy(update={"weight": "heft"})
    splits = Splits.create(tmp_path / "weighed", frames, roles=roles, checks={})
    weighed = replace(evidence, splits=splits)
    assert np.array_equal(outcomes_of(weighed, weighed.predictions).weight, np.arange(400) % 3)


def test_the_threshold_of_the_evaluation_decides_labels(tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path / "evidence")
    called = [outcomes_of(evidence, evidence.predictions, threshold=share).label.sum() for share in (None, 0.5, 0.9)]
    assert called[0] == called[1] > called[2]


def test_a_target_that_the_model_does_not_know_is_said(tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path / "evidence")
    frames = {part: evidence.splits.read(part).with_columns(y=pl.lit("perhaps")) for part in PARTS}
    (tmp_path / "other").mkdir()
    splits = Splits.create(tmp_path / "other", frames, roles=evidence.splits.roles, checks={})
    other = replace(evidence, splits=splits)
    with pytest.raises(StageError, match="400 test rows have a target that the model does not know"):
        outcomes_of(other, other.predictions)
