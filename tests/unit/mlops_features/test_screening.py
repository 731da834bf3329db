"""Features that are left out after fitting, and what follows from it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from sklearn.metrics import mutual_info_score

from mlops.errors import StageError
from mlops.formats import Roles, Splits
from mlops.formats.inputs import tensors
from mlops.formats.splits import PARTS, PartName
from mlops.testing import make_context
from mlops_features.features import Features, Made
from mlops_features.information import mutual_information


def rows(count: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, count))
    colour = rng.choice(["red", "blue", "green"], count)
    return pl.DataFrame(
        {
            "x": x,
            "same": 3 - 2 * x,
            "noise": pl.Series(noise).set(pl.Series(noise > 1), None),
            "fixed": [7] * count,
            "colour": colour,
            "y": (x + (colour == "red") + rng.normal(0, 0.1, count) > 0).astype(int),
        }
    )


def run(folder: Path, **section: Any) -> tuple[Splits, Made]:
    (folder / "splits").mkdir()
    frames: dict[PartName, pl.DataFrame] = {part: rows(500, seed) for seed, part in enumerate(PARTS)}
    splits = Splits.create(folder / "splits", frames, roles=Roles(target="y", task="binary"), checks={})
    return splits, Features.model_validate(section).run(splits, context=make_context(folder / "work"))


def names(folder: Path, **section: Any) -> tuple[str, ...]:
    return run(folder, **section)[1].features.facts.names


def test_nothing_is_left_out_unless_asked(tmp_path: Path) -> None:
    assert names(tmp_path) == ("x", "same", "noise", "fixed", "noise__missing", "colour")


def test_constant_features_are_left_out_with_the_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        made = run(tmp_path, select={})[1]
    assert "the feature 'fixed' is left out: it is constant" in caplog.text
    assert "fixed" not in made.features.facts.names
    assert "fixed" not in {item.name for item in made.features.facts.inputs}


def test_of_two_that_go_together_the_later_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        left = names(tmp_path, select={"max_correlation": 0.98})
    assert left == ("x", "noise", "noise__missing", "colour")
    assert "its correlation with 'x' is 1.0000 in size" in caplog.text


def test_the_features_that_tell_most_are_kept_in_order(tmp_path: Path) -> None:
    assert names(tmp_path, select={"max_correlation": 0.98, "top": 2}) == ("x", "colour")


@pytest.mark.parametrize("encode", ["onehot", "target"])
def test_graph_and_prepared_parts_follow(encode: str, tmp_path: Path) -> None:
    section = {"categorical": {"encode": encode}, "select": {"max_correlation": 0.98, "top": 3}}
    splits, made = run(tmp_path, **section, numeric={"bins": 3, "binned": "onehot"})
    session = onnxruntime.InferenceSession(made.features.graph, providers=["CPUExecutionProvider"])
    found = session.run(None, tensors(splits.read("test"), made.features.facts.tensors))[0]
    assert found.shape == (500, 3)
    assert np.array_equal(found, made.prepared.matrix("test"))


def test_a_code_that_is_left_out_is_no_category_of_the_model(tmp_path: Path) -> None:
    assert run(tmp_path, select={"top": 1})[1].prepared.facts.categorical == ()


def test_an_indicator_alone_can_stay(tmp_path: Path) -> None:
    section = {"columns": ["noise"], "numeric": {"impute": "constant", "bins": 2}}
    made = run(tmp_path, **section, select={"max_correlation": 0.5})[1]
    assert made.features.facts.names == ("noise", "noise__missing")


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"features\.select leaves no feature"):
        names(tmp_path, columns=["fixed"], select={})


def test_information_equals_scikit_learns_less_the_bias() -> None:
    rng = np.random.default_rng(1)
    feature, target = rng.integers(0, 5, (2, 2000)).astype(float)
    target = np.where(rng.random(2000) < 0.5, feature, target)
    expected = mutual_info_score(feature, target) - 16 / 4000
    assert mutual_information(feature, target, tuple("abcde")) == pytest.approx(expected)


def test_noise_tells_nothing() -> None:
    rng = np.random.default_rng(2)
    assert mutual_information(rng.normal(size=5000), rng.normal(size=5000), ()) < 0.02


def test_missing_numbers_are_a_value_of_their_own() -> None:
    target = np.repeat([0.0, 1.0], 500)
    assert mutual_information(np.where(target == 1, np.nan, 3.0), target, ("n", "y")) == pytest.approx(
        np.log(2), abs=0.01
    )
