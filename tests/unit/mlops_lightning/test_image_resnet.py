"""Residual networks for images keep the contract of a model family, and say what they need."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops.formats.table import Task
from mlops.testing.context import make_context
from mlops.testing.estimator import EstimatorContract
from mlops.testing.prepared import make_prepared, make_prepared_images
from mlops_lightning.image_resnet import ImageResNet

SMALL = ImageResNet(channels=(8, 8), blocks=1, epochs=10, batch_size=32, lr=0.02)


class TestImageResNet(EstimatorContract):
    tasks: ClassVar[tuple[Task, ...]] = ("binary",)

    def estimator(self, task: Task) -> ImageResNet:
        return SMALL

    def prepare(self, folder: Path, task: Task) -> Prepared:
        return make_prepared_images(folder, task)


@pytest.mark.slow
class TestOtherTasks(TestImageResNet):
    tasks = ("multiclass", "regression")


def test_a_table_without_an_image_is_refused(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "binary")
    with pytest.raises(StageError, match="the features hold none") as caught:
        SMALL.fit(prepared, context=make_context(tmp_path / "work"))
    assert "features=image" in str(caught.value)
