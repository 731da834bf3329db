"""Pictures as numbers."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mlops.errors import StageError
from mlops.formats.pictures import picture_shape, pixels

GRID = np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2)
"""(pictures, channels, height, width)."""


def encoded(grid: np.ndarray[Any, np.dtype[np.uint8]], kind: str = "PNG") -> bytes:
    """Encode a picture, (channels, height, width)."""
    data = io.BytesIO()
    picture = Image.fromarray(grid[0] if len(grid) == 1 else grid.transpose(1, 2, 0))
    picture.save(data, kind)
    return data.getvalue()


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("p", GRID.reshape(2, 12)),
        pl.Series("p", GRID),
        pl.Series("p", GRID.reshape(2, 12).tolist()),
        pl.Series("p", GRID.tolist()),
        pl.Series("p", GRID.reshape(2, 12).tolist(), dtype=pl.List(pl.Float64)),
        pl.Series("p", [encoded(grid) for grid in GRID]),
        pl.Series("p", [base64.b64encode(encoded(grid)).decode() for grid in GRID]),
    ],
    ids=["array", "nested array", "list", "nested list", "floats", "png", "base64"],
)
def test_one_picture_gives_the_same_pixels_however_it_is_stored(series: pl.Series) -> None:
    made = pixels(series, (3, 2, 2))
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
    assert np.array_equal(made, GRID.reshape(2, 12))


def test_colour_becomes_grey_where_one_channel_is_asked_for() -> None:
    red = np.zeros((3, 2, 2), dtype=np.uint8)
    red[0] = 255
    # ITU-R 601: 0.299 of red.
    assert pixels(pl.Series("p", [encoded(red)]), (1, 2, 2)).tolist() == [[76.0] * 4]


def test_a_jpeg_is_read() -> None:
    grey = np.full((1, 8, 8), 128, dtype=np.uint8)
    assert np.abs(pixels(pl.Series("p", [encoded(grey, "JPEG")]), (1, 8, 8)) - 128).max() <= 1


def test_no_rows_give_no_rows() -> None:
    assert pixels(pl.Series("p", [], dtype=pl.List(pl.UInt8)), (1, 2, 2)).shape == (0, 4)
    assert pixels(pl.Series("p", [], dtype=pl.Array(pl.UInt8, 4)), (1, 2, 2)).shape == (0, 4)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        ([[1, 2, 3, 4], [1, 2, 3]], r"row 1 of the column 'p' has 3 numbers, not 4 \(1 × 2 × 2\)"),
        ([[1, 2, 3, 4], []], r"row 1 of the column 'p' has 0 numbers"),
        ([[1, 2, 3, 4], None], "row 1 of the column 'p' has no picture"),
        ([[1, 2, 3, 4], [1, 2, None, 4]], "row 1 of the column 'p' has a pixel that is missing"),
        ([[1.0, 2.0, 3.0, float("inf")]], "row 0 of the column 'p' has a pixel that is missing or no finite number"),
        ([b"", b"x"], "row 0 of the column 'p' has bytes that are no known kind of picture"),
        ([encoded(GRID[0])[:-30]], "row 0 of the column 'p' has no picture that can be read"),
        ([encoded(GRID[0, :1]), encoded(GRID[0, :, :1])], "row 1 of the column 'p' has a picture of 1 × 2, not 2 × 2"),
        (["%%%"], "row 0 of the column 'p' has text that is no base64"),
        ([1.0, 2.0], "the column 'p' is Float64, expected pictures"),
        ([["a"]], r"the column 'p' is List\(String\), expected pictures"),
    ],
)
def test_what_is_no_picture_of_that_size_is_named_with_its_row(bad: list[Any], match: str) -> None:
    with pytest.raises(StageError, match=match):
        pixels(pl.Series("p", bad), (1, 2, 2))


def test_rows_are_counted_from_the_number_given() -> None:
    with pytest.raises(StageError, match="row 101 of"):
        pixels(pl.Series("p", [[1], [1, 2]]), (1, 1, 1), first=100)


def test_a_picture_that_does_not_fit_eight_bits_is_refused() -> None:
    data = io.BytesIO()
    Image.fromarray(np.zeros((2, 2), dtype=np.uint16)).save(data, "PNG")
    with pytest.raises(StageError, match="picture of kind I;16, which does not fit eight bits"):
        pixels(pl.Series("p", [data.getvalue()]), (1, 2, 2))


def test_encoded_pictures_have_four_channels_at_most() -> None:
    with pytest.raises(StageError, match="have 1 to 4 channels, not 7"):
        pixels(pl.Series("p", [encoded(GRID[0])]), (7, 2, 2))


@pytest.mark.parametrize(
    ("series", "shape"),
    [
        (pl.Series("p", [None, [0] * 16]), (1, 4, 4)),
        (pl.Series("p", [[0] * 12]), None),
        (pl.Series("p", [[]], dtype=pl.List(pl.UInt8)), None),
        (pl.Series("p", np.zeros((2, 3, 5), dtype=np.uint8)), (1, 3, 5)),
        (pl.Series("p", GRID), (3, 2, 2)),
        (pl.Series("p", [encoded(GRID[0])]), (3, 2, 2)),
        (pl.Series("p", [encoded(GRID[0, :1])]), (1, 2, 2)),
    ],
)
def test_the_shape_is_told_from_the_type_or_the_first_picture(
    series: pl.Series, shape: tuple[int, int, int] | None
) -> None:
    assert picture_shape(series) == shape


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.data())
def test_what_was_encoded_without_loss_is_read_back(
    channels: int, height: int, width: int, data: st.DataObject
) -> None:
    if channels == 2:
        channels = 3
    size = channels * height * width
    numbers = data.draw(st.lists(st.integers(0, 255), min_size=size, max_size=size))
    grid = np.array(numbers, dtype=np.uint8).reshape(channels, height, width)
    made = pixels(pl.Series("p", [encoded(grid)]), (channels, height, width))
    assert np.array_equal(made[0], grid.ravel())
