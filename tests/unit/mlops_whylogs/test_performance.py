from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from mlops.services.monitor import Performance
from mlops_whylogs.performance import Judged, decayed, gaps, performances

BINARY: dict[str, Any] = {"task": "binary", "classes": ["no", "yes"]}


def answered(rows: int = 2_000, *, noise: float = 0.2) -> pl.DataFrame:
    chance = np.random.default_rng(0)
    score = chance.random(rows)
    truth = chance.random(rows) < (1 - noise) * score + noise / 2
    return pl.DataFrame(
        {
            "_label": np.where(truth, "yes", "no"),
            "_answer_score_no": 1 - score,
            "_answer_score_yes": score,
            "side": chance.choice(["left", "right"], rows),
        }
    )


def measured(frame: pl.DataFrame, signature: dict[str, Any] = BINARY) -> dict[str, Any]:
    return {item.metric: item for item in performances(Judged.of(frame, signature), signature, {})}


def test_binary_metrics_are_those_of_scikit_learn() -> None:
    frame = answered()
    truth, score = (frame["_label"] == "yes").to_numpy(), frame["_answer_score_yes"].to_numpy()
    found = measured(frame)
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(truth, score))
    assert found["log_loss"].value == pytest.approx(log_loss(truth, score))
    assert found["brier"].value == pytest.approx(brier_score_loss(truth, score))
    assert found["accuracy"].value == pytest.approx(accuracy_score(truth, score > 0.5))


def test_interval_of_the_area_is_that_of_resampling() -> None:
    frame = answered()
    chance = np.random.default_rng(1)
    truth, score = (frame["_label"] == "yes").to_numpy(), frame["_answer_score_yes"].to_numpy()
    draws = [
        roc_auc_score(truth[i], score[i]) for i in (chance.integers(0, truth.size, truth.size) for _ in range(300))
    ]
    found = measured(frame)["roc_auc"]
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.std(draws), rel=0.2)


def test_unlabelled_rows_and_unknown_labels_are_left_out() -> None:
    frame = answered(100).with_columns(
        pl.when(pl.int_range(pl.len()) < 40)
        .then(None)
        .when(pl.int_range(pl.len()) < 50)
        .then(pl.lit("maybe"))
        .otherwise("_label")
        .alias("_label")
    )
    assert Judged.of(frame, BINARY).truth.size == 50


@pytest.mark.parametrize("label", [1, 1.0, "1"])
def test_label_counts_however_it_was_written(label: Any) -> None:
    frame = pl.DataFrame({"_label": [label], "_answer_score_0": [0.2], "_answer_score_1": [0.8]})
    assert Judged.of(frame, {"task": "binary", "classes": [0, 1]}).truth.tolist() == [1]


def test_regression_is_judged_by_its_errors() -> None:
    frame = pl.DataFrame({"_label": [1.0, 2.0, 3.0], "_answer_prediction": [1.0, 2.0, 5.0]})
    found = measured(frame, {"task": "regression", "classes": []})
    assert found["rmse"].value == pytest.approx((4 / 3) ** 0.5)
    assert found["mae"].value == pytest.approx(2 / 3)


def test_rows_of_one_class_have_no_area() -> None:
    assert "roc_auc" not in measured(answered().filter(pl.col("_label") == "yes"))


def named(found: list[Performance], metric: str) -> Performance:
    return next(item for item in found if item.metric == metric)


def test_decay_beyond_what_is_accepted_is_an_alarm() -> None:
    before = {"metrics": {"test": {"log_loss": {"value": 0.3}}}}
    found = performances(Judged.of(answered(), BINARY), BINARY, before)
    assert decayed(named(found, "log_loss"), 2_000, most=0.1, level=0.01)[0].alarm
    assert not decayed(named(found, "log_loss"), 2_000, most=5.0, level=0.01)[0].alarm


def test_small_sample_does_not_prove_decay() -> None:
    frame = answered(30)
    area = measured(frame)["roc_auc"].value
    before = {"metrics": {"test": {"roc_auc": {"value": area * 1.12}}}}
    found = performances(Judged.of(frame, BINARY), BINARY, before)
    assert not decayed(named(found, "roc_auc"), 30, most=0.1, level=0.01)[0].alarm


def test_gap_between_groups_is_found() -> None:
    frame = (
        answered()
        .with_columns(
            pl.when(pl.col("side") == "left")
            .then(1 - pl.col("_answer_score_yes"))
            .otherwise("_answer_score_yes")
            .alias("_answer_score_yes")
        )
        .with_columns((1 - pl.col("_answer_score_yes")).alias("_answer_score_no"))
    )
    found = gaps(Judged.of(frame, BINARY), ["side"], BINARY, floor=0.1, level=0.01)
    assert found[0].alarm
    assert "'left'" in found[0].sentence


def test_gap_that_chance_explains_is_no_alarm() -> None:
    frame = answered(160)
    found = gaps(Judged.of(frame, BINARY), ["side"], BINARY, floor=0.001, level=0.01)
    assert [item.alarm for item in found] == [False]


def test_rows_answered_by_another_kind_of_model_are_not_judged() -> None:
    frame = answered().rename({"_answer_score_yes": "_answer_prediction"})
    assert Judged.of(frame, BINARY).truth.size == 0
