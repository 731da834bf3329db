"""Transformers keep the contract of a model family, and say what they need."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops.formats.table import Task
from mlops.testing.context import make_context
from mlops.testing.estimator import EstimatorContract
from mlops.testing.prepared import make_prepared, make_prepared_texts
from mlops_lightning.text_transformer import TextTransformer

SMALL = TextTransformer(width=8, heads=2, layers=1, word_dropout=0.1, dropout=0.0, epochs=15, batch_size=32, lr=0.02)


class TestTextTransformer(EstimatorContract):
    tasks: ClassVar[tuple[Task, ...]] = ("binary",)

    def estimator(self, task: Task) -> TextTransformer:
        return SMALL

    def prepare(self, folder: Path, task: Task) -> Prepared:
        return make_prepared_texts(folder, task, rows=500)


@pytest.mark.slow
class TestOtherTasks(TestTextTransformer):
    tasks = ("multiclass", "regression")


def test_a_table_without_a_text_is_refused(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "binary")
    with pytest.raises(StageError, match="the features hold none") as caught:
        SMALL.fit(prepared, context=make_context(tmp_path / "work"))
    assert "features=tokens" in str(caught.value)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValidationError, match="5 heads do not divide a width of 64"):
        TextTransformer(heads=5)
