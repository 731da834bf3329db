"""A whole chain on a small table: splits, features, a linear model, its bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops.formats import Bundle as BundleFormat
from mlops.formats import Features as FeaturesFormat
from mlops.formats import Model, Prepared, Roles, Splits
from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Task
from mlops.testing import make_context
from mlops_features.features import Features
from mlops_onnx.bundle import Bundle
from mlops_sklearn.linear import Linear
from mlops_train.train import Train


@dataclass(frozen=True)
class Chain:
    splits: Splits
    features: FeaturesFormat
    prepared: Prepared
    model: Model
    bundle: BundleFormat


def rows(task: Task, count: int, *, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    amount, colour = rng.normal(50, 9, count), rng.choice(["red", "blue"], count)
    value = amount - 50 + 5 * (colour == "red")
    labels = {"binary": ["no", "yes"], "multiclass": [10, 20, 30], "regression": []}[task]
    place = np.digitize(value, [-4.0, 4.0]) if task == "multiclass" else (value > 0).astype(int)
    frame = pl.DataFrame(
        {"amount": amount, "colour": colour, "y": np.array(labels)[place].tolist() if labels else value + 1_000}
    )
    return frame.with_columns(pl.when(pl.int_range(count) % 9 == 4).then(None).otherwise("amount").alias("amount"))


def chain(task: Task, folder: Path) -> Chain:
    (folder / "splits").mkdir(parents=True)
    sizes: dict[PartName, int] = {"train": 200, "validation": 40, "test": 60}
    frames = {part: rows(task, sizes[part], seed=seed) for seed, part in enumerate(PARTS)}
    splits = Splits.create(folder / "splits", frames, roles=Roles(target="y", task=task), checks={})
    features, prepared = Features().run(splits, context=make_context(folder / "features"))
    model = Train(model=Linear(strength=0.1)).run(prepared, context=make_context(folder / "train"))
    context = replace(make_context(folder / "bundle"), lineage={"data": "abc"})
    return Chain(splits, features, prepared, model, Bundle().run(features, model, context=context))


@pytest.fixture(params=["binary", "multiclass", "regression"])
def any_chain(request: pytest.FixtureRequest, tmp_path: Path) -> Chain:
    return chain(request.param, tmp_path / "chain")


@pytest.fixture
def binary_chain(tmp_path: Path) -> Chain:
    return chain("binary", tmp_path / "chain")
