"""Means of the target tell no training row its own target."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import TargetEncoder

from mlops.errors import StageError
from mlops.formats import Roles, Splits
from mlops.testing import make_context
from mlops_features.features import Features
from mlops_features.fitting import fit
from mlops_features.means import fold_of
from mlops_features.plan import Plan
from mlops_features.selection import select
from mlops_features.supervision import Supervision
from mlops_features.transform import prepare_train, transform

ROWS = 3000


def fitted(categories: Any, values: Any, *, classes: tuple[str, ...] = (), weight: Any = None, **choices: Any) -> Plan:
    section = Features.model_validate({"categorical": {"encode": "target", **choices}})
    supervision = Supervision(
        values=np.asarray(values, float),
        weight=np.ones(len(values)) if weight is None else np.asarray(weight, float),
        classes=classes,
        seed=5,
    )
    columns = select(section, {"c": pl.String()}, roles=Roles())
    return fit(columns, pl.DataFrame({"c": categories}), log=logging.getLogger("test"), supervision=supervision)


def on_train(plan: Plan, categories: Any) -> np.ndarray:
    return prepare_train(pl.LazyFrame({"c": categories}), plan).collect().to_numpy()


def test_a_random_category_tells_training_rows_nothing() -> None:
    rng = np.random.default_rng(1)
    categories = [f"id {number}" for number in rng.integers(0, 1500, ROWS)]
    target = rng.integers(0, 2, ROWS)
    plan = fitted(categories, target, classes=("no", "yes"), smoothing=0)
    told = np.corrcoef(on_train(plan, categories)[:, 0], target)[0, 1]
    leaky = np.corrcoef(transform(pl.DataFrame({"c": categories}), plan).to_numpy()[:, 0], target)[0, 1]
    assert leaky > 0.5
    assert abs(told) < 0.08


def test_a_category_of_one_row_has_the_mean_of_other_folds() -> None:
    target = np.arange(100.0)
    categories = [f"id {number}" for number in range(100)]
    plan = fitted(categories, target, smoothing=3)
    fold = fold_of(np.arange(100), folds=5, seed=5)
    expected = [target[fold != own].mean() for own in fold]
    np.testing.assert_allclose(on_train(plan, categories)[:, 0], expected, rtol=1e-6)


def test_a_rows_own_target_has_no_say_in_its_value() -> None:
    rng = np.random.default_rng(2)
    categories, target = rng.choice(["a", "b"], 200).tolist(), rng.normal(size=200)
    changed = target.copy()
    changed[17] = 1e6
    before, after = (on_train(fitted(categories, values), categories)[17, 0] for values in (target, changed))
    assert before == after


@pytest.mark.parametrize(
    ("classes", "kind"), [((), "continuous"), (("n", "y"), "binary"), (("a", "b", "c"), "multiclass")]
)
def test_means_equal_scikit_learns(classes: tuple[str, ...], kind: str) -> None:
    rng = np.random.default_rng(3)
    categories = rng.choice([f"c{number}" for number in range(30)], ROWS)
    target = rng.integers(0, len(classes), ROWS) if classes else rng.normal(size=ROWS)
    other = TargetEncoder(target_type=kind, smooth=10).fit(categories.reshape(-1, 1), target)
    frame = pl.DataFrame({"c": [*categories.tolist(), "never seen"]})
    expected = other.transform(frame["c"].to_numpy().reshape(-1, 1))
    made = transform(frame, fitted(categories.tolist(), target, classes=classes)).to_numpy()
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-7)


def test_weights_count() -> None:
    heavy = fitted(["a", "a", "b", "b"], [1, 0, 1, 1], weight=[3, 1, 1, 1], smoothing=0)
    assert transform(pl.DataFrame({"c": ["a"]}), heavy)["c__mean"].to_list() == [0.75]


def test_a_category_without_weight_has_the_mean_of_all() -> None:
    plan = fitted(["a", "a", "b", "b"], [1, 0, 1, 1], weight=[1, 1, 0, 0], smoothing=0)
    assert transform(pl.DataFrame({"c": ["b"]}), plan)["c__mean"].to_list() == [0.5]


def test_smoothing_draws_towards_the_mean_of_all() -> None:
    plan = fitted(["a", "b", "b", "b"], [1, 0, 0, 1], smoothing=1)
    assert transform(pl.DataFrame({"c": ["a"]}), plan)["c__mean"].to_list() == [0.75]


def test_missing_is_a_category_with_a_mean() -> None:
    plan = fitted([None, None, "b", "b"], [1, 1, 0, 0], smoothing=0)
    assert transform(pl.DataFrame({"c": [None, "b", "z"]}), plan)["c__mean"].to_list() == [1, 0, 0.5]


def test_without_a_target_there_are_no_means() -> None:
    columns = select(Features.model_validate({"categorical": {"encode": "target"}}), {"c": pl.String()}, roles=Roles())
    with pytest.raises(StageError, match="'c' is to be encoded by the target"):
        fit(columns, pl.DataFrame({"c": ["a"]}), log=logging.getLogger("test"))


@given(st.integers(0, 2**40), st.integers(2, 20), st.integers(1, 300))
def test_folds_are_even(seed: int, folds: int, rows: int) -> None:
    sizes = np.bincount(fold_of(np.arange(rows), folds=folds, seed=seed), minlength=folds)
    assert sizes.max() - sizes.min() <= 2


def test_folds_follow_the_seed() -> None:
    first, second = (fold_of(np.arange(100), folds=5, seed=seed) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_only_the_train_part_is_crossed(make_splits: Callable[..., Splits], tmp_path: Path) -> None:
    section = {"columns": ["colour"], "categorical": {"encode": "target"}}
    splits = make_splits()
    made = Features.model_validate(section).run(splits, context=make_context(tmp_path / "work")).prepared
    whole = {part: len(set(zip(*_pair(splits, made, part), strict=True))) for part in ("train", "test")}
    assert whole["test"] == splits.read("test")["colour"].n_unique()
    assert whole["train"] > 3 * whole["test"]


def _pair(splits: Splits, made: Any, part: Any) -> tuple[list[str], list[float]]:
    return splits.read(part)["colour"].to_list(), made.read(part)["colour__mean"].to_list()
