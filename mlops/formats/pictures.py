"""Pictures → numbers: lists of pixels and encoded files, the same way in training and in serving."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from mlops.errors import MissingExtra, StageError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Pixels = np.ndarray[tuple[int, int], np.dtype[np.float32]]

__all__ = ["picture_shape", "pixels"]

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Channels → how Pillow calls such a picture."""

_CHANNELS = {"1": 1, "L": 1, "LA": 2, "P": 3, "PA": 4, "RGB": 3, "RGBA": 4, "CMYK": 3, "YCbCr": 3}
"""Pillow's name of a picture's kind → the channels that hold all of it in eight bits each."""


def pixels(series: pl.Series, shape: tuple[int, ...], *, first: int = 0) -> Pixels:
    """Read pictures.

    Args:
        series: lists or arrays of numbers (flat or nested, in the order of ``shape``), bytes of
            encoded pictures (PNG, JPEG and what else Pillow reads), or such bytes as base64 text.
        shape: channels, height, width.
        first: number of the first row, for messages.

    Returns:
        Pixels as they are stored, float32 (rows, channels × height × width), channels first.

    Raises:
        StageError: a row has no picture, one of another size, or one that cannot be read.
    """
    import polars as pl

    if series.null_count():
        raise _fault(series, first + int(series.is_null().arg_max() or 0), "has no picture")
    if series.dtype == pl.String:
        series = _decoded_text(series, first)
    if series.dtype == pl.Binary:
        return _decoded(series, shape, first)
    return _listed(series, shape, first)


def picture_shape(series: pl.Series) -> tuple[int, int, int] | None:
    """Find channels, height and width of the pictures of a column, by its type or its first picture.

    Returns:
        None when it cannot be known: a flat list whose length is no square.
    """
    import polars as pl

    some = series.drop_nulls().head(1)
    if series.dtype in (pl.String, pl.Binary):
        return _encoded_shape(some) if len(some) else None
    sides = _sides(some)
    if len(sides) == 1 and math.isqrt(sides[0]) ** 2 == sides[0] > 0:
        return (1, math.isqrt(sides[0]), math.isqrt(sides[0]))
    if len(sides) == 2:  # noqa: PLR2004 - rows and columns of a grey picture
        return (1, sides[0], sides[1])
    return (sides[0], sides[1], sides[2]) if len(sides) == 3 else None  # noqa: PLR2004 - with channels


def _sides(some: pl.Series) -> tuple[int, ...]:
    """Lengths of the nested lists of the one picture, outermost first."""
    import polars as pl

    sides = []
    while isinstance(some.dtype, pl.List | pl.Array) and len(some):
        some = some.explode(empty_as_null=False)
        sides.append(len(some))
        some = some.head(1)
    return tuple(sides)


def _listed(series: pl.Series, shape: tuple[int, ...], first: int) -> Pixels:
    import numpy as np
    import polars as pl

    flat = _flat(series)
    inner = getattr(flat.dtype, "inner", None)
    if inner is None or not (inner.is_numeric() or inner in (pl.Boolean, pl.Null)):
        raise StageError(
            f"the column {series.name!r} is {series.dtype}, expected pictures",
            fix="give lists of numbers or the bytes of an encoded picture",
        )
    width = math.prod(shape)
    lengths = flat.list.len()
    if (wrong := lengths != width).any():
        row = int(wrong.arg_max() or 0)
        raise _fault(series, first + row, f"has {lengths[row]:,} numbers, not {width:,} ({_times(shape)})")
    values: Any = flat.explode(empty_as_null=False).cast(pl.Float32).to_numpy()
    made = values.reshape(len(series), width)
    if not (finite := np.isfinite(values)).all():
        row = int(finite.argmin()) // width
        raise _fault(series, first + row, "has a pixel that is missing or no finite number")
    return np.ascontiguousarray(made)


def _flat(series: pl.Series) -> pl.Series:
    """Lists of lists, and arrays, as plain lists."""
    import polars as pl

    if isinstance(series.dtype, pl.Array):
        series = series.reshape((len(series), math.prod(series.dtype.shape))).arr.to_list()
    while isinstance(series.dtype, pl.List) and isinstance(series.dtype.inner, pl.List | pl.Array):
        series = series.list.eval(pl.element().explode(empty_as_null=False))
    return series


def _decoded_text(series: pl.Series, first: int) -> pl.Series:
    made = series.str.decode("base64", strict=False)
    if made.null_count():
        raise _fault(series, first + int(made.is_null().arg_max() or 0), "has text that is no base64")
    return made


def _decoded(series: pl.Series, shape: tuple[int, ...], first: int) -> Pixels:
    import numpy as np

    if shape[0] not in _MODES:
        raise StageError(
            f"the encoded pictures of the column {series.name!r} have 1 to 4 channels, not {shape[0]}",
            where="features.image.shape",
        )
    made = np.empty((len(series), math.prod(shape)), dtype=np.float32)
    for row, data in enumerate(series):
        picture = _open(data, series=series, row=first + row)
        size = (shape[0], picture.height, picture.width)
        if size != tuple(shape):
            raise _fault(
                series, first + row, f"has a picture of {picture.height} × {picture.width}, not {_times(shape[1:])}"
            )
        grid = np.asarray(picture.convert(_MODES[shape[0]]), dtype=np.float32).reshape(*shape[1:], shape[0])
        made[row] = grid.transpose(2, 0, 1).ravel()
    return made


def _encoded_shape(some: pl.Series) -> tuple[int, int, int]:
    import polars as pl

    data = _decoded_text(some, 0) if some.dtype == pl.String else some
    picture = _open(data[0], series=some, row=0)
    return (_CHANNELS[picture.mode], picture.height, picture.width)


def _open(data: bytes, *, series: pl.Series, row: int) -> Any:
    """Read one encoded picture whole."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError as exc:
        raise MissingExtra("pillow", extra="image") from exc
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except UnidentifiedImageError as exc:
        raise _fault(series, row, "has bytes that are no known kind of picture") from exc
    except Exception as exc:  # Pillow's readers raise what they meet in damaged bytes: OSError, SyntaxError, ...
        raise _fault(series, row, f"has no picture that can be read: {exc}") from exc
    if picture.mode not in _CHANNELS:
        raise _fault(series, row, f"has a picture of kind {picture.mode}, which does not fit eight bits a channel")
    return picture


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(str(side) for side in shape)


def _fault(series: pl.Series, row: int, what: str) -> StageError:
    return StageError(
        f"row {row} of the column {series.name!r} {what}",
        fix="mend or leave out that row; features.image.shape says how large pictures are (channels, height, width)",
    )
