"""LightGBM keeps the contract of a model family."""

from __future__ import annotations

from mlops.formats.table import Task
from mlops.testing.estimator import EstimatorContract
from mlops_lightgbm.booster import LightGBM


class TestLightGBM(EstimatorContract):
    def estimator(self, task: Task) -> LightGBM:
        return LightGBM(rounds=30, num_leaves=7, min_data_in_leaf=5, min_data_per_group=5, bagging_fraction=0.9)


class TestBalanced(EstimatorContract):
    tasks = ("binary", "multiclass")

    def estimator(self, task: Task) -> LightGBM:
        return LightGBM(rounds=30, num_leaves=7, min_data_in_leaf=5, min_data_per_group=5, class_weight="balanced")


class TestAbsoluteLoss(EstimatorContract):
    tasks = ("regression",)

    def estimator(self, task: Task) -> LightGBM:
        return LightGBM(rounds=60, num_leaves=7, min_data_in_leaf=5, min_data_per_group=5, loss="absolute")
