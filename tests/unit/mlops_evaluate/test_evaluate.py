from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error, roc_auc_score

from mlops.errors import StageError
from mlops_evaluate.evaluate import Evaluate

Make = Callable[..., Any]

QUICK = Evaluate(bootstrap=20)


@pytest.fixture
def judged(case: Make, binary: Make) -> Any:
    made = case("binary", classes=(False, True), importances={"a": 0.7, "b": 0.3})
    parts = {"validation": binary(300, 1), "test": binary(400, 2)}
    return made, parts, made.judge(QUICK, parts, train=[0, 0, 0, 1])


def test_values_are_those_of_scikit_learn(judged: Any) -> None:
    _, parts, found = judged
    scores, target = parts["test"]
    assert found.value("roc_auc") == pytest.approx(roc_auc_score(target, scores[:, 1]), abs=1e-12)


def test_intervals_hold_their_value(judged: Any) -> None:
    *_, found = judged
    for part in ("validation", "test"):
        for name, metric in found.metrics[part].items():
            if metric["low"] is not None:
                assert metric["low"] <= metric["value"] <= metric["high"], name


def test_the_baseline_is_the_answer_learnt_from_train(judged: Any) -> None:
    _, parts, found = judged
    rate = parts["test"][1].mean()
    assert found.metrics["test"]["roc_auc"]["baseline"] == 0.5
    assert found.metrics["test"]["accuracy"]["baseline"] == pytest.approx(1 - rate)
    assert found.metrics["test"]["log_loss"]["baseline"] == pytest.approx(
        -(rate * np.log(0.25) + (1 - rate) * np.log(0.75))
    )


def test_a_description_of_the_rows_has_no_baseline(judged: Any) -> None:
    *_, found = judged
    assert found.metrics["test"]["base_rate"]["baseline"] is None


def test_metrics_of_both_parts_are_recorded(judged: Any) -> None:
    made, _, found = judged
    assert made.recorded["test.roc_auc"] == found.value("roc_auc")
    assert made.recorded["validation.brier"] == found.value("brier", part="validation")


def test_the_summary_names_the_headline_with_its_interval(judged: Any) -> None:
    *_, found = judged
    metric = found.metrics["test"]["roc_auc"]
    assert found.summary() == f"test roc_auc {metric['value']:.4g} [{metric['low']:.4g}, {metric['high']:.4g}]"


def test_equal_seeds_give_equal_bytes(judged: Any) -> None:
    made, parts, found = judged
    again = made.judge(QUICK, parts, train=[0, 0, 0, 1], work="again")
    for name in ("evaluation.json", "report.html", "fragment.html"):
        assert (found.folder / name).read_bytes() == (again.folder / name).read_bytes()


def test_another_seed_moves_intervals_and_nothing_else(judged: Any) -> None:
    made, parts, found = judged
    again = made.judge(QUICK, parts, train=[0, 0, 0, 1], seed=9, work="again").metrics["test"]["roc_auc"]
    before = found.metrics["test"]["roc_auc"]
    assert again["value"] == before["value"]
    assert again["low"] != before["low"]


def test_only_asked_metrics_are_measured_and_the_first_is_the_headline(case: Make, binary: Make) -> None:
    parts = {"validation": binary(300, 1), "test": binary(400, 2)}
    stage = Evaluate(metrics=("mcc", "brier"), bootstrap=0)
    found = case("binary", classes=("no", "yes")).judge(stage, parts, train=[0, 1])
    assert list(found.metrics["test"]) == ["mcc", "brier"]
    assert found.headline == "mcc"


def test_a_headline_outside_the_standard_set_is_measured_too(case: Make, multiclass: Make) -> None:
    parts = {"validation": multiclass(), "test": multiclass(seed=1)}
    stage = Evaluate(headline="top_3_accuracy", bootstrap=0)
    found = case("multiclass", classes=("a", "b", "c", "d")).judge(stage, parts, train=[0, 1, 2, 3])
    assert found.headline == "top_3_accuracy"
    assert {"top_3_accuracy", "macro_f1"} <= set(found.metrics["test"])


def test_best_f1_is_chosen_on_validation_and_written(case: Make, binary: Make) -> None:
    parts = {"validation": binary(300, 1), "test": binary(400, 2)}
    stage = Evaluate(threshold="best_f1", bootstrap=0)
    found = case("binary", classes=(0, 1)).judge(stage, parts, train=[0, 1])
    assert found.facts["threshold"]["origin"] == "best F1 on validation"
    assert found.facts["threshold"]["value"] in parts["validation"][0][:, 1]


def test_the_confusion_of_test_rows_is_written(judged: Any) -> None:
    _, parts, found = judged
    scores, target = parts["test"]
    assert found.facts["confusion"][1][1] == np.count_nonzero((scores[:, 1] >= 0.5) & (target == 1))


def test_regression_is_judged_against_the_mean_of_train(case: Make, values: Make) -> None:
    parts = {"validation": values(seed=1), "test": values(seed=2)}
    found = case("regression").judge(QUICK, parts, train=[8.0, 12.0])
    target = parts["test"][1]
    expected = mean_squared_error(target, np.full(target.size, 10.0)) ** 0.5
    assert found.metrics["test"]["rmse"]["baseline"] == pytest.approx(expected)
    assert found.metrics["test"]["spearman"]["baseline"] is None


def test_weights_of_rows_count(case: Make, binary: Make) -> None:
    parts = {"validation": binary(300, 1), "test": binary(400, 2)}
    generator = np.random.default_rng(0)
    weights: dict[str, Any] = {"train": [1.0, 3.0], "validation": generator.random(300), "test": generator.random(400)}
    found = case("binary", classes=(0, 1)).judge(QUICK, parts, train=[1, 0], weights=weights)
    scores, target = parts["test"]
    expected = roc_auc_score(target, scores[:, 1], sample_weight=weights["test"])
    assert found.value("roc_auc") == pytest.approx(expected, abs=1e-12)
    prior = np.average((0.25 - target) ** 2, weights=weights["test"])
    assert found.metrics["test"]["brier"]["baseline"] == pytest.approx(prior)


def test_one_class_in_test_leaves_its_metrics_undefined_with_a_reason(case: Make, binary: Make) -> None:
    scores, target = binary(50)
    parts = {"validation": (scores, target), "test": (scores, np.zeros_like(target))}
    found = case("binary", classes=(0, 1)).judge(QUICK, parts, train=[0, 1])
    assert found.metrics["test"]["roc_auc"] == {
        "value": None,
        "low": None,
        "high": None,
        "baseline": None,
        "reason": "needs rows of both classes",
    }
    assert found.summary() == "test roc_auc is undefined: needs rows of both classes"
    assert found.value("roc_auc") is None
    json.loads((found.folder / "evaluation.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_tiny_tests_are_judged(case: Make, binary: Make, multiclass: Make, values: Make, task: Any, rows: int) -> None:
    make, classes, train = {
        "binary": (binary, (0, 1), [0, 1]),
        "multiclass": (multiclass, ("a", "b", "c", "d"), [0, 1, 2, 3]),
        "regression": (values, (), [1.0, 2.0]),
    }[task]
    scores, target = make(50)
    parts = {"validation": (scores, target), "test": (scores[:rows], target[:rows])}
    found = case(task, classes=classes).judge(QUICK, parts, train=train)
    assert found.facts["rows"]["test"] == rows
    assert "test rows; the intervals are rough" in (found.folder / "report.html").read_text()


def test_a_constant_regression_is_judged(case: Make) -> None:
    parts = {"validation": ([[5.0]] * 9, [5.0] * 9), "test": ([[5.0]] * 9, [5.0] * 9)}
    found = case("regression").judge(QUICK, parts, train=[5.0])
    assert found.value("rmse") == 0.0
    assert found.metrics["test"]["r2"]["reason"] == "the target is constant"


def test_an_empty_validation_part_is_left_out(case: Make, binary: Make) -> None:
    scores, target = binary(50)
    parts = {"validation": (scores[:0].reshape(0, 2), target[:0]), "test": (scores, target)}
    found = case("binary", classes=(0, 1)).judge(QUICK, parts, train=[0, 1])
    assert list(found.metrics) == ["test"]


def test_an_empty_test_part_is_refused(case: Make, binary: Make) -> None:
    scores, target = binary(50)
    parts = {"validation": (scores, target), "test": (scores[:0].reshape(0, 2), target[:0])}
    with pytest.raises(StageError, match="the test part has no rows to judge by"):
        case("binary", classes=(0, 1)).judge(QUICK, parts, train=[0, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(case: Make, values: Make, bad: float) -> None:
    scores, target = values(50)
    broken = scores.copy()
    broken[3] = bad
    parts = {"validation": (scores, target), "test": (broken, target)}
    with pytest.raises(StageError, match="1 of 50 test rows have scores that are missing, NaN or infinite"):
        case("regression").judge(QUICK, parts, train=[1.0])


def test_scores_that_are_no_probabilities_are_refused(case: Make, binary: Make) -> None:
    scores, target = binary(50)
    parts = {"validation": (scores, target), "test": (scores * 2, target)}
    with pytest.raises(StageError, match="50 of 50 test rows have scores that are not probabilities"):
        case("binary", classes=(0, 1)).judge(QUICK, parts, train=[0, 1])


def test_a_missing_score_column_is_named(case: Make, binary: Make) -> None:
    parts = {"validation": binary(50), "test": binary(50)}
    with pytest.raises(StageError, match="no column 'score_2'"):
        case("multiclass", classes=(0, 1, 2)).judge(QUICK, parts, train=[0, 1, 2])


def test_weights_that_are_all_zero_are_refused(case: Make, binary: Make) -> None:
    parts = {"validation": binary(50), "test": binary(50)}
    weights = {"train": [1.0, 1.0], "validation": np.ones(50), "test": np.zeros(50)}
    with pytest.raises(StageError, match="weights of the test rows are negative or all zero"):
        case("binary", classes=(0, 1)).judge(QUICK, parts, train=[0, 1], weights=weights)


def test_a_class_that_train_never_saw_costs_but_does_not_fail(case: Make, multiclass: Make) -> None:
    parts = {"validation": multiclass(), "test": multiclass(seed=1)}
    found = case("multiclass", classes=("a", "b", "c", "d")).judge(QUICK, parts, train=[0, 1, 2])
    assert np.isfinite(found.metrics["test"]["log_loss"]["baseline"])


def test_a_model_and_parts_of_different_targets_are_refused(case: Make, binary: Make, tmp_path: Path) -> None:
    parts = {"validation": binary(50), "test": binary(50)}
    one = case("binary", classes=(0, 1))
    one.write(parts, train=[0, 1])
    facts = one.folder / "prepared" / "prepared.json"
    facts.write_text(facts.read_text().replace('"late"', '"early"'))
    with pytest.raises(StageError, match=r"the model predicts 'late' .* the prepared parts hold 'early'"):
        one.judge(QUICK, parts, train=[0, 1])


def test_train_rows_without_weight_are_refused(case: Make, binary: Make) -> None:
    parts = {"validation": binary(50), "test": binary(50)}
    weights = {"train": [0.0, 0.0], "validation": np.ones(50), "test": np.ones(50)}
    with pytest.raises(StageError, match="the rows of the train part have no weight"):
        case("binary", classes=(0, 1)).judge(QUICK, parts, train=[0, 1], weights=weights)
