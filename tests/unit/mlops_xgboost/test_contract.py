"""XGBoost keeps the contract of a model family."""

from __future__ import annotations

from mlops.formats.table import Task
from mlops.testing.estimator import EstimatorContract
from mlops_xgboost.booster import XGBoost


class TestXGBoost(EstimatorContract):
    def estimator(self, task: Task) -> XGBoost:
        return XGBoost(rounds=30, max_depth=3, subsample=0.9, colsample_bytree=0.7)


class TestCategoriesInGroups(EstimatorContract):
    def estimator(self, task: Task) -> XGBoost:
        return XGBoost(rounds=30, max_depth=3, max_cat_to_onehot=1)


class TestBalanced(EstimatorContract):
    tasks = ("binary", "multiclass")

    def estimator(self, task: Task) -> XGBoost:
        return XGBoost(rounds=30, max_depth=3, class_weight="balanced")


class TestAbsoluteLoss(EstimatorContract):
    tasks = ("regression",)

    def estimator(self, task: Task) -> XGBoost:
        return XGBoost(rounds=60, max_depth=3, loss="absolute")


class TestHuberLoss(EstimatorContract):
    tasks = ("regression",)

    def estimator(self, task: Task) -> XGBoost:
        return XGBoost(rounds=60, max_depth=3, loss="huber")
