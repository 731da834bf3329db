"""Pictures as features: the graph and NumPy give the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from pydantic import ValidationError

from mlops.errors import StageError
from mlops.formats.inputs import tensors
from mlops_features.blocks import FittedBlock, fit_block
from mlops_features.graph import compile_graph
from mlops_features.image_options import Image
from mlops_features.plan import Plan

PIXELS = np.random.default_rng(7).integers(0, 17, (50, 12)).astype(np.uint8)
SERIES = pl.Series("picture", PIXELS)


def fitted(series: pl.Series = SERIES, **options: Any) -> FittedBlock:
    block = fit_block(series, options=Image(**options))
    assert block is not None
    return block


def prepared(block: FittedBlock, series: pl.Series = SERIES) -> np.ndarray[Any, Any]:
    made = block.prepare(series)
    assert made.dtype == pl.Array(pl.Float32, block.block.width)
    return made.to_numpy()


@pytest.mark.parametrize(
    "options",
    [
        {"shape": (3, 2, 2)},
        {"shape": (3, 2, 2), "normalize": False},
        {"shape": (1, 3, 4), "scale": 16.0, "normalize": False},
        {"shape": (12, 1, 1)},
    ],
    ids=str,
)
def test_graph_computes_the_same_bits_as_numpy(options: dict[str, Any]) -> None:
    block = fitted(**options)
    graph = compile_graph(Plan(inputs=(), quantities=(), cycles=(), categories=(), blocks=(block,)))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    made = session.run(None, tensors(SERIES.to_frame(), (block.input(),)))[0]
    assert np.array_equal(made, prepared(block))


def test_each_channel_has_mean_zero_and_deviation_one() -> None:
    channels = prepared(fitted(shape=(3, 2, 2))).reshape(50, 3, 4)
    assert np.allclose(channels.mean(axis=(0, 2)), 0, atol=1e-6)
    assert np.allclose(channels.std(axis=(0, 2)), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("series", "options", "full"),
    [
        (SERIES, {}, 255.0),
        (SERIES.cast(pl.Array(pl.Float32, 12)), {}, 1.0),
        (SERIES, {"scale": 16.0}, 16.0),
    ],
    ids=["bytes", "floats", "said"],
)
def test_pixels_are_divided_by_a_full_one(series: pl.Series, options: dict[str, Any], full: float) -> None:
    block = fitted(series, shape=(1, 3, 4), normalize=False, **options)
    assert np.allclose(prepared(block, series), PIXELS / full)


def test_a_channel_of_one_value_becomes_zero() -> None:
    series = pl.Series("picture", np.full((4, 4), 9, dtype=np.uint8))
    assert not prepared(fitted(series), series).any()


def test_the_block_says_its_shape_and_names_each_pixel() -> None:
    block = fitted(shape=(3, 2, 2))
    assert (block.block.kind, block.block.shape) == ("image", (3, 2, 2))
    assert block.names[:2] == ("picture[0]", "picture[1]")
    assert block.input().width == 12


def test_the_example_is_the_mean_colour() -> None:
    example = fitted(shape=(3, 2, 2)).example
    assert len(example) == 12
    assert example[:4] == [round(float(PIXELS[:, :4].mean()), 3)] * 4


def test_slices_of_rows_give_what_all_rows_give(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = prepared(fitted(shape=(3, 2, 2)))
    monkeypatch.setattr("mlops_features.blocks._ROWS", 7)
    assert np.allclose(prepared(fitted(shape=(3, 2, 2))), expected, atol=1e-6)


def test_a_shape_that_cannot_be_told_is_asked_for() -> None:
    with pytest.raises(StageError, match="how large the pictures of the column 'picture' are is not known"):
        fitted()


def test_a_picture_of_another_size_is_named_with_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_features.blocks._ROWS", 2)
    series = pl.Series("picture", [[1, 2, 3, 4]] * 4 + [[1, 2, 3]])
    with pytest.raises(StageError, match="row 4 of the column 'picture' has 3 numbers, not 4"):
        fitted(series)


def test_a_full_pixel_is_more_than_nothing() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Image(scale=0.0)
