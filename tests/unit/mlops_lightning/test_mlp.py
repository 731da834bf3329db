"""Multilayer perceptrons keep the contract of a model family."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops.formats.table import Task
from mlops.testing.context import make_context
from mlops.testing.estimator import EstimatorContract
from mlops.testing.prepared import make_prepared_images, make_prepared_texts
from mlops_lightning.mlp import MLP


class TestMLP(EstimatorContract):
    tasks: ClassVar[tuple[Task, ...]] = ("binary",)

    def estimator(self, task: Task) -> MLP:
        return MLP(hidden=(16,), epochs=12, batch_size=32, lr=0.02)


@pytest.mark.slow
class TestOtherTasks(TestMLP):
    tasks = ("multiclass", "regression")


@pytest.mark.slow
class TestOnImages(EstimatorContract):
    tasks = ("multiclass",)

    def estimator(self, task: Task) -> MLP:
        return MLP(hidden=(16,), numeric="plain", epochs=12, batch_size=32, lr=0.02)

    def prepare(self, folder: Path, task: Task) -> Prepared:
        return make_prepared_images(folder, task)


def test_word_numbers_are_refused_as_quantities(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="does not read texts word by word") as caught:
        MLP().fit(make_prepared_texts(tmp_path / "p", "binary"), context=make_context(tmp_path / "work"))
    assert "model=text_bag" in str(caught.value)
