"""Fitted features: the graph that turns raw columns into model inputs, and the prepared parts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from mlops.errors import StageError
from mlops.formats.artifact import Artifact, write_json
from mlops.formats.derived import Derived
from mlops.formats.expectation import Expectation
from mlops.formats.history import HistorySpec
from mlops.formats.rows import write_rows
from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Task
from mlops.formats.words import Words

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = [
    "Batch",
    "Block",
    "FeatureFacts",
    "Features",
    "Input",
    "Kind",
    "Prepared",
    "PreparedFacts",
    "batch_of",
    "matrix_of",
]


Kind = Literal["numeric", "categorical", "datetime", "text", "image"]


class Input(BaseModel):
    """One column: as given by people, or as the graph takes it in an ONNX input of shape (rows, width).

    numeric: float32, null is NaN. categorical and text: string, null is ``NULL_CATEGORY``.
    datetime: int64 milliseconds since 1970-01-01 UTC, null is ``NULL_TIME``.
    image: float32, one number a pixel and channel, from a list of numbers or an encoded picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    kind: Kind
    dtype: str
    """The column's Polars type in the training table, as text."""

    nullable: bool = True
    allowed: tuple[str, ...] = ()
    """Categories seen in training, most frequent first (categorical only)."""

    low: float | None = None
    high: float | None = None
    """Range seen in training (numeric only)."""

    shape: tuple[int, ...] = ()
    """Channels, height and width (image only)."""

    words: Words | None = None
    """How words are found (text only); the graph takes them joined by one space."""

    expected: Expectation | None = None
    """The contract of the column: what happens to a value that breaks it."""

    @property
    def width(self) -> int:
        """Numbers a row in the graph's tensor."""
        return math.prod(self.shape) if self.shape else 1


class FeatureFacts(BaseModel):
    """What leads from the columns that people give to the features that a model sees."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    inputs: tuple[Input, ...]
    """Columns that people give."""

    derived: tuple[Derived, ...] = ()
    """Columns computed from them, in order."""

    tensors: tuple[Input, ...]
    """Columns, given or derived, that the graph takes."""

    names: tuple[str, ...]
    """The prepared features, in order."""

    history: tuple[HistorySpec, ...] = ()
    """How inputs that came from other tables' past rows were computed."""

    example: dict[str, Any]
    """A typical row of the inputs (medians, most frequent values; nobody's own), as JSON values."""


class Features(Artifact):
    """``features.onnx`` (columns → ``features`` float32 (rows, n)) and ``features.json``.

    Rows go this way, in training and in serving: the columns of ``inputs`` as people give them →
    ``derived`` columns beside them → the graph, which takes the columns of ``tensors``.
    """

    format = "features"

    @classmethod
    def create(cls, folder: Path, graph: bytes, *, facts: FeatureFacts) -> Self:
        """Write the graph and what leads to it."""
        (folder / "features.onnx").write_bytes(graph)
        write_json(folder / "features.json", facts.model_dump(mode="json"))
        return cls(folder)

    @property
    def graph(self) -> bytes:
        """The ONNX graph."""
        return (self.folder / "features.onnx").read_bytes()

    @property
    def facts(self) -> FeatureFacts:
        """Inputs, derived columns, tensors, names of the features, an example."""
        return FeatureFacts.model_validate(self.read_json("features.json"))

    def summary(self) -> str:
        """Columns in, features out."""
        facts = self.facts
        return f"{len(facts.inputs)} columns → {len(facts.names)} features"


class Block(BaseModel):
    """Features that belong together and are stored as one column of arrays: an image, a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    """The column's name."""

    kind: Literal["image", "tokens", "terms"]
    """image: pixels, channels first. tokens: word numbers in order, 0 after the last. terms: weights of words."""

    shape: tuple[int, ...]
    """(channels, height, width), (tokens,) or (terms,)."""

    vocabulary: int = 0
    """How many different tokens there are, 0 (nothing) and 1 (unknown word) included."""

    @property
    def width(self) -> int:
        """How many features it is."""
        return math.prod(self.shape)


class Batch(NamedTuple):
    """Some rows of a part, ready for a model."""

    matrix: np.ndarray[Any, np.dtype[np.float32]]
    """(rows, features)."""

    target: np.ndarray[Any, Any]
    """(rows,): int64 class index, or float64 value."""

    weight: np.ndarray[Any, np.dtype[np.float64]] | None
    """(rows,), or None when rows are not weighed."""


class PreparedFacts(BaseModel):
    """What a model needs to know of the prepared parts."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    task: Task
    target: str
    features: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    """Features that are codes 0..k-1 (-1 never occurs), not quantities."""

    classes: tuple[str | int | float | bool, ...] = ()
    """Labels in the order of the class index; empty for regression. Binary: the last is positive."""

    blocks: tuple[Block, ...] = ()
    """Blocks whose features come, in this order, after all single ones; ``features`` names each of theirs too."""

    @property
    def singles(self) -> tuple[str, ...]:
        """Features that are columns of their own."""
        return self.features[: len(self.features) - sum(block.width for block in self.blocks)]

    def refuse_tokens(self, reader: str) -> None:
        """Refuse word numbers, for a family that would take them for quantities.

        Raises:
            StageError: a block of tokens is among the features.
        """
        for block in self.blocks:
            if block.kind == "tokens":
                raise StageError(
                    f"{reader} does not read texts word by word, but {block.name!r} is given as word numbers",
                    fix="model=text_bag or model=text_transformer reads them; features=text weighs words instead",
                )


class Prepared(Artifact):
    """One Parquet a part: ``train.parquet``, ``validation.parquet``, ``test.parquet``; and ``prepared.json``.

    Single features are float32 columns, blocks are arrays of float32. ``__target__`` is the class
    index (int64), or the value (float64) for regression; ``__weight__`` is there when rows are
    weighed. A model sees the features side by side, in the order of ``facts.features``.
    """

    format = "prepared"

    @classmethod
    def create(
        cls, folder: Path, parts: Mapping[PartName, pl.DataFrame | pl.LazyFrame], *, facts: PreparedFacts
    ) -> Self:
        """Write the prepared parts (lazy ones are streamed) and their facts."""
        import polars as pl

        for name in PARTS:
            write_rows(folder / f"{name}.parquet", parts[name])
        rows = {name: pl.scan_parquet(folder / f"{name}.parquet").select(pl.len()).collect().item() for name in PARTS}
        write_json(folder / "prepared.json", {"facts": facts.model_dump(mode="json"), "rows": rows})
        return cls(folder)

    @property
    def facts(self) -> PreparedFacts:
        """Task, target, features, classes."""
        return PreparedFacts.model_validate(self.read_json("prepared.json")["facts"])

    def path(self, part: PartName) -> Path:
        """Parquet file of one part."""
        return self.folder / f"{part}.parquet"

    def read(self, part: PartName, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read one part, with all its columns when none are named."""
        import polars as pl

        return pl.read_parquet(self.path(part), columns=list(columns) if columns is not None else None)

    def matrix(self, part: PartName) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Features of one part, float32 (rows, features), row-major."""
        facts = self.facts
        names = [*facts.singles, *(block.name for block in facts.blocks)]
        return matrix_of(self.read(part, columns=names), facts)

    def target(self, part: PartName) -> np.ndarray[Any, Any]:
        """Target of one part: int64 class index, or float64 value (rows,)."""
        return self.read(part, columns=["__target__"])["__target__"].to_numpy()

    def weight(self, part: PartName) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Row weights of one part (rows,), or None when rows are not weighed."""
        if not self.weighed:
            return None
        return self.read(part, columns=["__weight__"])["__weight__"].to_numpy()

    @property
    def weighed(self) -> bool:
        """Whether rows have weights."""
        import polars as pl

        return "__weight__" in pl.read_parquet_schema(self.path("train"))

    def batches(self, part: PartName, *, rows: int) -> Iterator[Batch]:
        """Read one part in order, at most so many rows at a time; only the row groups they lie in are read."""
        import polars as pl

        facts, file = self.facts, pl.scan_parquet(self.path(part))
        for start in range(0, self.rows(part), rows):
            yield batch_of(file.slice(start, rows).collect(), facts)

    def rows(self, part: PartName) -> int:
        """How many rows one part has."""
        return int(self.read_json("prepared.json")["rows"][part])

    def summary(self) -> str:
        """Rows of each part."""
        return ", ".join(f"{name} {count:,}" for name, count in self.read_json("prepared.json")["rows"].items())


def batch_of(frame: pl.DataFrame, facts: PreparedFacts) -> Batch:
    """Turn rows of a prepared part into arrays."""
    weight = frame["__weight__"].to_numpy() if "__weight__" in frame.columns else None
    return Batch(matrix_of(frame, facts), frame["__target__"].to_numpy(), weight)


def matrix_of(frame: pl.DataFrame, facts: PreparedFacts) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Lay the features of prepared rows side by side, float32 (rows, features), row-major."""
    import numpy as np

    singles = frame.select(facts.singles).to_numpy(order="c").astype(np.float32, copy=False)
    arrays = [_flat(frame[block.name], block.width) for block in facts.blocks]
    if not arrays:
        return np.ascontiguousarray(singles)
    return np.hstack([singles, *arrays]) if facts.singles else np.hstack(arrays)


def _flat(column: pl.Series, width: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Lay arrays out as (rows, width)."""
    import numpy as np

    return np.asarray(column.to_numpy(), dtype=np.float32).reshape(len(column), width)
