"""Pictures as features: pixels, scaled and normalised by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.features import Block, Input
from mlops.formats.pictures import picture_shape, pixels
from mlops_features.blocks import FittedBlock, slices
from mlops_features.image_options import Image

if TYPE_CHECKING:
    from mlops_features.nodes import Nodes

__all__ = ["ImageBlock", "fit_image"]

Vector = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class ImageBlock(FittedBlock):
    """Pictures; a feature is (pixel − centre of its channel) × factor of its channel, in float32."""

    column: str
    dtype: str
    shape: tuple[int, ...]
    centres: tuple[float, ...]
    factors: tuple[float, ...]
    means: tuple[float, ...]
    """Mean pixel of each channel, as stored."""

    @property
    def block(self) -> Block:
        """Kind and shape."""
        return Block(name=self.column, kind="image", shape=self.shape)

    def input(self) -> Input:
        """Describe the raw column as the graph takes it."""
        return Input(name=self.column, kind="image", dtype=self.dtype, nullable=False, shape=self.shape)

    @property
    def example(self) -> list[float]:
        """A picture whose channels are of one colour, the mean."""
        return [round(value, 3) for value in self._spread(self.means).tolist()]

    def prepare(self, values: pl.Series) -> pl.Series:
        """Prepare raw values: an array of float32 a row, of the block's width."""
        made = np.empty((len(values), self.block.width), dtype=np.float32)
        centre, factor = self._spread(self.centres), self._spread(self.factors)
        for start, some in slices(values):
            made[start : start + len(some)] = (pixels(some, self.shape, first=start) - centre) * factor
        return pl.Series(self.column, made)

    def emit(self, nodes: Nodes) -> str:
        """Add nodes from the input to float32 (rows, width), and name that value."""
        centred = nodes.add("Sub", self.column, nodes.constant([self._spread(self.centres)], np.float32))
        return nodes.add("Mul", centred, nodes.constant([self._spread(self.factors)], np.float32))

    def _spread(self, channels: tuple[float, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Repeat a number of each channel for its pixels, (width,)."""
        return np.repeat(np.asarray(channels, dtype=np.float32), self.shape[1] * self.shape[2])


def fit_image(values: pl.Series, *, options: Image) -> ImageBlock:
    """Learn shape, mean and deviation from train rows.

    Raises:
        StageError: the shape cannot be told, or a row has no picture of it.
    """
    shape = options.shape or picture_shape(values)
    if shape is None:
        raise StageError(
            f"how large the pictures of the column {values.name!r} are is not known: their length is no square",
            fix="say it in the recipe, such as features.image.shape: [3, 32, 32] (channels, height, width)",
        )
    scale = _scale(values.dtype) if options.scale == "auto" else options.scale
    means, deviations = _moments(values, shape)
    spread = np.where(deviations > 0, deviations, scale)
    return ImageBlock(
        column=values.name,
        dtype=str(values.dtype),
        shape=shape,
        centres=_singles(means if options.normalize else np.zeros_like(means)),
        factors=_singles(1 / spread if options.normalize else np.full_like(spread, 1 / scale)),
        means=_singles(means),
    )


def _scale(dtype: pl.DataType) -> float:
    """What the brightest pixel is stored as."""
    inner: Any = dtype
    while isinstance(inner, pl.List | pl.Array):
        inner = inner.inner
    return 255.0 if inner in (pl.UInt8, pl.Binary, pl.String) else 1.0


def _moments(values: pl.Series, shape: tuple[int, ...]) -> tuple[Vector, Vector]:
    """Mean and deviation of each channel over all rows and pixels, both (channels,).

    Sums are of distances from a mean guessed on the first rows, so that nothing cancels (Chan,
    Golub and LeVeque, "Algorithms for computing the sample variance", 1983).
    """
    shift: Vector | None = None
    count, total, squares = 0, np.zeros(shape[0]), np.zeros(shape[0])
    for start, some in slices(values):
        grid = pixels(some, shape, first=start).reshape(len(some), shape[0], -1)
        if shift is None:
            shift = grid.mean(axis=(0, 2), dtype=np.float64)
        gap = grid - shift.reshape(1, -1, 1)
        count += len(some) * grid.shape[2]
        total += gap.sum(axis=(0, 2))
        squares += (gap**2).sum(axis=(0, 2))
    mean = total / count
    return (shift if shift is not None else 0) + mean, np.sqrt(np.maximum(squares / count - mean**2, 0))


def _singles(values: Vector) -> tuple[float, ...]:
    """Round to float32, so that NumPy and the graph compute with the same numbers."""
    return tuple(float(value) for value in values.astype(np.float32))
