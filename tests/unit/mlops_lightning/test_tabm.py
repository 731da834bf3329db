"""TabM ensembles keep the contract of a model family."""

from __future__ import annotations

from typing import ClassVar

import pytest

from mlops.formats.table import Task
from mlops.testing.estimator import EstimatorContract
from mlops_lightning.tabm import TabM


class TestTabM(EstimatorContract):
    tasks: ClassVar[tuple[Task, ...]] = ("multiclass",)

    def estimator(self, task: Task) -> TabM:
        return TabM(hidden=(16,), members=4, epochs=12, batch_size=32, lr=0.02)


@pytest.mark.slow
class TestOtherTasks(TestTabM):
    tasks = ("binary", "regression")
