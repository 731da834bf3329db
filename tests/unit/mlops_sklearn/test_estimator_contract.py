"""Estimators of scikit-learn keep the contract of a model family."""

from __future__ import annotations

from mlops.formats.table import Task
from mlops.testing.estimator import EstimatorContract
from mlops_sklearn.estimator import Sklearn


class WrappedContract(EstimatorContract):
    """Loaded, such a model is its graph."""

    load_tolerance = 1e-5


class TestRandomForest(WrappedContract):
    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="RandomForest", params={"n_estimators": 10, "min_samples_leaf": 3})


class TestCodesAsNumbers(WrappedContract):
    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(
            estimator="ExtraTrees",
            params={"n_estimators": 20, "min_samples_leaf": 2, "max_features": None},
            codes="asis",
        )


class TestHistGradientBoosting(WrappedContract):
    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="HistGradientBoosting", params={"max_iter": 20})


class TestGradientBoosting(WrappedContract):
    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="GradientBoosting", params={"n_estimators": 20})


class TestNetwork(WrappedContract):
    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="MLP", params={"hidden_layer_sizes": [16], "max_iter": 60, "learning_rate_init": 0.02})


class TestNeighbours(WrappedContract):
    heeds_weights = False

    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="KNeighbors", params={"n_neighbors": 7})


class TestNaiveBayes(WrappedContract):
    tasks = ("binary", "multiclass")

    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="sklearn.naive_bayes.GaussianNB")


class TestSupportVectors(WrappedContract):
    tasks = ("regression",)

    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="sklearn.svm.SVR", params={"C": 0.5})


class TestCalibrated(WrappedContract):
    tasks = ("binary", "multiclass")

    def estimator(self, task: Task) -> Sklearn:
        return Sklearn(estimator="CalibratedClassifierCV", class_weight="balanced")
