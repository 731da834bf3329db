"""The family of joined families keeps the contract of model families."""

from __future__ import annotations

from typing import ClassVar

from mlops.formats.model import Estimator
from mlops.formats.table import Task
from mlops.testing.estimator import EstimatorContract
from mlops_ensemble.ensemble import Ensemble
from mlops_lightgbm.booster import LightGBM
from mlops_sklearn.linear import Linear


class TestEnsemble(EstimatorContract):
    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass", "regression")
    load_tolerance: ClassVar[float] = 1e-5

    def estimator(self, task: Task) -> Estimator:
        return Ensemble(members=(LightGBM(rounds=15, min_data_in_leaf=5), Linear()), rounds=10)
