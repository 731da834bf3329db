from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops.formats.artifact import write_json
from mlops.formats.evaluation import Evaluation
from mlops.formats.features import Prepared, PreparedFacts
from mlops.formats.model import Model, ModelFacts
from mlops.testing import make_context
from mlops_evaluate.evaluate import Evaluate

Part = tuple[Any, Any]
"""Scores (rows, columns) and targets (rows,)."""


class Case:
    """A model's stored predictions and its prepared parts in a folder, ready to be judged."""

    def __init__(self, folder: Path, facts: ModelFacts) -> None:
        self.folder = folder
        self.facts = facts
        self.recorded: dict[str, float] = {}

    def write(
        self, parts: Mapping[str, Part], *, train: Any, weights: Mapping[str, Any] | None = None
    ) -> tuple[Model, Prepared]:
        model = self.folder / "model"
        model.mkdir(parents=True)
        write_json(model / "model.json", self.facts.model_dump(mode="json"))
        for part, (scores, target) in parts.items():
            columns = {f"score_{index}": column for index, column in enumerate(np.asarray(scores, dtype=float).T)}
            columns["__target__"] = np.asarray(target)
            if weights:
                columns["__weight__"] = np.asarray(weights[part], dtype=float)
            pl.DataFrame(columns).write_parquet(model / f"predictions_{part}.parquet")
        return Model(model), self._prepared(train, weights)

    def _prepared(self, train: Any, weights: Mapping[str, Any] | None) -> Prepared:
        folder = self.folder / "prepared"
        folder.mkdir()
        facts = self.facts
        frame = pl.DataFrame({"__target__": train} | ({"__weight__": weights["train"]} if weights else {}))
        shared = PreparedFacts(task=facts.task, target=facts.target, features=facts.features, classes=facts.classes)
        return Prepared.create(folder, {"train": frame, "validation": frame, "test": frame}, facts=shared)

    def judge(
        self,
        stage: Evaluate,
        parts: Mapping[str, Part],
        *,
        train: Any,
        weights: Mapping[str, Any] | None = None,
        seed: int = 0,
        work: str = "work",
    ) -> Evaluation:
        if not (self.folder / "model").exists():
            self.write(parts, train=train, weights=weights)
        context = make_context(
            self.folder / work, seed=seed, metrics=lambda name, value, _: self.recorded.update({name: value})
        )
        return stage.run(Model(self.folder / "model"), Prepared(self.folder / "prepared"), context=context)


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Case]:
    def make(task: Any, *, classes: tuple[Any, ...] = (), target: str = "late", **facts: Any) -> Case:
        features = tuple(facts.get("importances") or ("a", "b"))
        described = ModelFacts(
            family="mlops_sklearn.linear.Linear", task=task, target=target, features=features, classes=classes, **facts
        )
        return Case(tmp_path / "case", described)

    return make


@pytest.fixture
def binary() -> Callable[..., Part]:
    """Probabilities that know something of a coin with a share of heads of 0.3."""

    def make(rows: int = 400, seed: int = 0) -> Part:
        generator = np.random.default_rng(seed)
        target = (generator.random(rows) < 0.3).astype(np.int64)
        target[:2] = (0, 1)
        positive = 1 / (1 + np.exp(-(generator.normal(size=rows) + 1.5 * target - 1)))
        return np.column_stack([1 - positive, positive]), target

    return make


@pytest.fixture
def multiclass() -> Callable[..., Part]:
    """Probabilities over four classes that know something."""

    def make(rows: int = 400, classes: int = 4, seed: int = 0) -> Part:
        generator = np.random.default_rng(seed)
        target = generator.integers(0, classes, rows)
        target[:classes] = np.arange(classes)
        raw = generator.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[target]
        scores = np.exp(raw)
        return scores / scores.sum(axis=1, keepdims=True), target

    return make


@pytest.fixture
def values() -> Callable[..., Part]:
    """Predictions of a value, in steps so that there are ties."""

    def make(rows: int = 400, seed: int = 0) -> Part:
        generator = np.random.default_rng(seed)
        target = np.round(generator.normal(10, 3, rows), 1)
        return np.round(target + generator.normal(0.2, 1, rows), 1)[:, None], target

    return make
