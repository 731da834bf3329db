"""Features that belong together: what pictures and texts have in common on their way into the graph."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from mlops.formats.features import Block, Input
from mlops_features.image_options import Image
from mlops_features.text_options import Text

if TYPE_CHECKING:
    from mlops_features.nodes import Nodes
    from mlops_features.selection import Column

__all__ = ["FittedBlock", "fit_block", "fit_blocks", "slices"]

_ROWS = 4096
"""Rows that are worked on at once: pictures and words take much more room than what is stored."""


class FittedBlock(ABC):
    """One column turned into a block of features, fitted; members are frozen values.

    The plan asks it for names, ``transform`` for prepared rows and ``compile_graph`` for its nodes.
    """

    opset: ClassVar[int] = 18
    """Version of ONNX's operators that its nodes need."""

    column: str
    """The raw column, and the block's name."""

    @property
    @abstractmethod
    def block(self) -> Block:
        """Kind and shape."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(f"{self.column}[{place}]" for place in range(self.block.width))

    @abstractmethod
    def input(self) -> Input:
        """Describe the raw column as the graph takes it."""

    @property
    @abstractmethod
    def example(self) -> Any:
        """A typical value, nobody's own, as a JSON value."""

    @abstractmethod
    def prepare(self, values: pl.Series) -> pl.Series:
        """Prepare raw values: an array of float32 a row, of the block's width."""

    @abstractmethod
    def emit(self, nodes: Nodes) -> str:
        """Add nodes from the input to float32 (rows, width), and name that value."""


def fit_block(values: pl.Series, *, options: Image | Text) -> FittedBlock | None:
    """Learn from the train rows of one column.

    Returns:
        None when the column holds nothing to learn from.

    Raises:
        StageError: the values cannot be read as what they are said to be.
    """
    if values.null_count() == len(values):
        return None
    if isinstance(options, Image):
        from mlops_features.image import fit_image

        return fit_image(values, options=options)
    if options.encode == "tokens":
        from mlops_features.text_tokens import fit_tokens

        return fit_tokens(values, options=options)
    from mlops_features.text_terms import fit_terms

    return fit_terms(values, options=options)


def fit_blocks(columns: Sequence[Column], rows: pl.LazyFrame, *, log: logging.Logger) -> tuple[FittedBlock, ...]:
    """Fit the columns that become blocks, of which one at a time is in memory; those without a value are left out."""
    found = []
    for column in columns:
        if column.block is None:
            continue
        values = rows.select(column.name).collect(engine="streaming").to_series()
        block = fit_block(values, options=column.block)
        if block is None:
            log.warning("the column %r has no value in the train part: left out", column.name)
        else:
            found.append(block)
    return tuple(found)


def slices(values: pl.Series) -> Iterator[tuple[int, pl.Series]]:
    """Take a column apart: the number of the first row, and some rows."""
    for start in range(0, len(values), _ROWS):
        yield start, values.slice(start, _ROWS)
