"""Residual networks for tables keep the contract of a model family."""

from __future__ import annotations

from typing import ClassVar

import pytest

from mlops.formats.table import Task
from mlops.testing.estimator import EstimatorContract
from mlops_lightning.resnet import ResNet


class TestResNet(EstimatorContract):
    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    def estimator(self, task: Task) -> ResNet:
        return ResNet(width=16, blocks=1, epochs=12, batch_size=32, lr=0.02)


@pytest.mark.slow
class TestOtherTasks(TestResNet):
    tasks = ("binary", "multiclass")
