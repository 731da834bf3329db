"""The features stage: the graph and the prepared parts are the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest

from mlops.formats import Features as FeaturesFormat
from mlops.formats import Roles, Splits
from mlops.formats.inputs import tensors
from mlops.testing import make_context
from mlops_features.features import Features

Make = Callable[..., Splits]


def run_graph(features: FeaturesFormat, splits: Splits) -> np.ndarray[Any, Any]:
    session = onnxruntime.InferenceSession(features.graph, providers=["CPUExecutionProvider"])
    found: np.ndarray[Any, Any] = session.run(None, tensors(splits.read("test"), features.facts.inputs))[0]
    return found


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"numeric": {"impute": "none", "scale": "none"}},
        {"numeric": {"impute": "mean", "scale": "robust"}, "categorical": {"encode": "onehot"}},
        {"datetime": {"cyclic": True, "parts": ["year", "dayofyear", "weekday", "minute"]}},
        {"datetime": {"parts": ["year", "month", "day", "dayofyear", "weekday", "hour", "minute"]}},
        {
            "overrides": {
                "count": {"kind": "categorical", "encode": "onehot"},
                "amount": {"impute": "constant", "fill": -1},
            }
        },
        {"columns": ["colour"]},
        {"columns": ["day"], "datetime": {"cyclic": True}},
    ],
)
def test_graph_computes_the_same_bits_as_polars(section: dict[str, Any], make_splits: Make, tmp_path: Path) -> None:
    splits = make_splits()
    made = Features.model_validate(section).run(splits, context=make_context(tmp_path / "work"))
    expected = made.prepared.matrix("test")
    assert expected.shape == (80, len(made.features.facts.names))
    assert np.array_equal(run_graph(made.features, splits), expected, equal_nan=True)


def test_same_rows_give_the_same_bytes(make_splits: Make, tmp_path: Path) -> None:
    splits = make_splits()
    first, second = (Features().run(splits, context=make_context(tmp_path / name)) for name in ("one", "two"))
    for one, two in zip(first, second, strict=True):
        for path in one.folder.iterdir():
            assert path.read_bytes() == (two.folder / path.name).read_bytes()


def test_held_out_rows_have_no_say_in_what_is_fitted(
    make_splits: Make, make_rows: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    splits = make_splits()
    before = Features().run(splits, context=make_context(tmp_path / "one")).features
    for part in ("validation", "test"):
        make_rows(50, seed=99).write_parquet(splits.folder / f"{part}.parquet")
    after = Features().run(splits, context=make_context(tmp_path / "two")).features
    assert before.graph == after.graph
    assert before.facts.inputs == after.facts.inputs


def test_columns_with_a_role_are_no_features(make_splits: Make, tmp_path: Path) -> None:
    made = Features().run(make_splits(), context=make_context(tmp_path / "work"))
    used = {item.name for item in made.features.facts.inputs}
    assert used == {"amount", "count", "flag", "colour", "size", "when", "day"}


def test_ordinal_features_are_listed_as_categorical(make_splits: Make, tmp_path: Path) -> None:
    section = {"overrides": {"size": {"encode": "onehot"}}}
    made = Features.model_validate(section).run(make_splits(), context=make_context(tmp_path / "work"))
    assert made.prepared.facts.categorical == ("colour",)
    assert {"size=s", "size=m", "size=(null)"} <= set(made.features.facts.names)


def test_inputs_tell_what_training_saw(make_splits: Make, tmp_path: Path) -> None:
    made = Features().run(make_splits(), context=make_context(tmp_path / "work"))
    by_name = {item.name: item for item in made.features.facts.inputs}
    assert by_name["colour"].allowed[0] == "red"
    assert by_name["count"].low == 0
    assert by_name["count"].high == 8
    assert by_name["amount"].nullable
    assert not by_name["count"].nullable


def test_weight_becomes_a_column_of_the_prepared_parts(make_splits: Make, tmp_path: Path) -> None:
    splits = make_splits(roles=Roles(target="kept", task="binary", id=("name",), weight="count"))
    made = Features().run(splits, context=make_context(tmp_path / "work"))
    weight = made.prepared.weight("train")
    assert weight is not None
    assert weight.tolist() == splits.read("train")["count"].cast(float).to_list()
    assert "count" not in made.features.facts.names
