"""Training curves: which are drawn, on which axes, and what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mlops.formats.model import ModelFacts
from mlops_evaluate.training_charts import training_charts


def charts(history: Mapping[str, Sequence[float]], *, family: str = "mlops_lightgbm.booster.LightGBM") -> list[str]:
    facts = ModelFacts(
        family=family,
        task="binary",
        target="y",
        features=("a",),
        classes=(0, 1),
        history={name: list(curve) for name, curve in history.items()},
    )
    return list(training_charts(facts))


def titles(drawn: list[str]) -> list[str]:
    return [re.findall(r"<b>(.*?)</b>", chart)[0] for chart in drawn]


def axes(chart: str) -> list[str]:
    return re.findall(r'<text [^>]*class="axis"[^>]*>(.*?)</text>', chart)


def labels(chart: str) -> list[str]:
    return re.findall(r"<text [^>]*>(.*?)</text>", chart)


LOSSES = {"train_loss": [0.9, 0.5, 0.3, 0.2], "validation_loss": [0.9, 0.6, 0.5, 0.7]}
NETWORK = {
    **LOSSES,
    "validation_roc_auc": [0.6, 0.7, 0.8, 0.75],
    "lr": [1e-4, 1e-2, 5e-3, 1e-5],
    "gradient_norm": [3.0, 1.0, 0.5, 0.4],
}


def test_train_and_held_out_rows_share_a_plot() -> None:
    (chart,) = charts(LOSSES)
    assert "<li>" in chart
    assert axes(chart) == ["round", "loss"]
    assert "train ends at 0.2000; validation ends at 0.7000, lowest 0.5000 in round 3" in chart.lower()


def test_the_best_round_is_marked_on_each_curve() -> None:
    (chart,) = charts(LOSSES)
    assert chart.count('class="line rule"') == 1
    assert "Dashed: round 3, the lowest loss on held-out rows." in chart
    assert "<title>train 0.3000 in round 3</title>" in chart
    assert "<title>validation 0.5000 in round 3</title>" in chart


def test_nothing_is_marked_without_held_out_rows() -> None:
    (chart,) = charts({"train_loss": [0.9, 0.5]})
    assert "rule" not in chart


@pytest.mark.parametrize(
    ("history", "family", "expected"),
    [
        (NETWORK, "project.mine.Net", "epoch"),
        (LOSSES, "mlops_lightning.mlp.MLP", "epoch"),
        (LOSSES, "mlops_xgboost.booster.XGBoost", "round"),
    ],
)
def test_steps_have_the_name_that_the_family_gives_them(
    history: Mapping[str, Sequence[float]], family: str, expected: str
) -> None:
    assert {axes(chart)[0] for chart in charts(history, family=family)} == {expected}


def test_a_networks_four_charts() -> None:
    assert titles(charts(NETWORK)) == ["Training", "Training", "Learning rate", "Gradient norm"]


def test_at_most_the_four_most_telling_are_drawn() -> None:
    many = {f"validation_measure{index}": [0.1, 0.2, 0.3, 0.4] for index in range(5)} | NETWORK
    drawn = charts(many)
    assert titles(drawn) == ["Training", "Training", "Learning rate", "Gradient norm"]
    assert [axes(chart)[1] for chart in drawn] == ["loss", "measure0", "learning rate", "gradient norm"]


def test_a_learning_rate_that_never_changes_makes_room() -> None:
    flat = {**NETWORK, "lr": [0.01] * 4, "validation_f1": [0.1, 0.2, 0.3, 0.3]}
    assert [axes(chart)[1] for chart in charts(flat)] == ["loss", "roc_auc", "gradient norm", "f1"]


def test_what_spans_decades_has_a_logarithmic_axis() -> None:
    chart = charts({"lr": [1e-5, 1e-3, 1e-2]})[0]
    assert {"1e−5", "0.0001", "0.001", "0.01"} <= set(labels(chart))
    assert "Starts at 1e-05, highest 0.0100 in epoch 3, ends at 0.0100." in chart.replace("−", "-")


def test_what_falls_to_zero_has_a_linear_axis() -> None:
    (chart,) = charts({"lr": [1e-2, 1e-3, 0.0]})
    assert "0.005" in labels(chart)


def test_there_are_no_steps_between_whole_ones() -> None:
    (chart,) = charts({"train_loss": [0.3, 0.2]})
    assert not [label for label in labels(chart) if label.startswith("1.")]


def test_values_that_are_no_numbers_leave_gaps() -> None:
    (chart,) = charts(
        {"train_loss": [0.9, float("nan"), float("inf"), 0.2], "validation_loss": [float("nan"), 0.6, 0.5]}
    )
    assert not re.search(r"\b(nan|inf)\b", chart)
    assert "lowest 0.5000 in round 3" in chart


def test_a_curve_without_any_number_is_left_out() -> None:
    assert charts({"train_loss": [float("nan")] * 3}) == []


def test_a_single_step_is_a_dot() -> None:
    (chart,) = charts({"train_loss": [0.5]})
    assert "<circle" in chart


def test_hundreds_of_epochs_are_drawn_with_few_points() -> None:
    (chart,) = charts({"train_loss": np.geomspace(1, 0.001, 5_000).tolist()})
    assert len(chart) < 20_000
