"""Linear keeps the contract of a model family, with each penalty."""

from __future__ import annotations

from mlops.formats.table import Task
from mlops.testing.estimator import EstimatorContract
from mlops_sklearn.linear import Linear


class TestPath(EstimatorContract):
    def estimator(self, task: Task) -> Linear:
        return Linear()


class TestLasso(EstimatorContract):
    def estimator(self, task: Task) -> Linear:
        return Linear(penalty="l1", strength=0.5, max_iter=2_000)


class TestElasticNet(EstimatorContract):
    def estimator(self, task: Task) -> Linear:
        return Linear(penalty="elastic_net", l1_ratio=0.3, strength=0.5, max_iter=2_000)
