"""Fitted features: the graph that turns raw columns into model inputs, and the prepared parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from mlops.formats.artifact import Artifact, write_json
from mlops.formats.rows import write_rows
from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Task

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["Features", "Input", "Prepared", "PreparedFacts"]


class Input(BaseModel):
    """One raw column that the graph takes, as ONNX input of shape (rows, 1).

    numeric: float32, null is NaN. categorical: string, null is ``NULL_CATEGORY``.
    datetime: int64 milliseconds since 1970-01-01 UTC, null is ``NULL_TIME``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    kind: Literal["numeric", "categorical", "datetime"]
    dtype: str
    """The column's Polars type in the training table, as text."""

    nullable: bool = True
    allowed: tuple[str, ...] = ()
    """Categories seen in training, most frequent first (categorical only)."""

    low: float | None = None
    high: float | None = None
    """Range seen in training (numeric only)."""


class Features(Artifact):
    """``features.onnx`` (raw columns → ``features`` float32 (rows, n)) and ``features.json``."""

    format = "features"

    @classmethod
    def create(
        cls, folder: Path, graph: bytes, *, inputs: Sequence[Input], names: Sequence[str], example: Mapping[str, Any]
    ) -> Self:
        """Write the graph, its inputs, the names of its outputs and one example row."""
        (folder / "features.onnx").write_bytes(graph)
        facts = {"inputs": [i.model_dump(mode="json") for i in inputs], "names": list(names), "example": dict(example)}
        write_json(folder / "features.json", facts)
        return cls(folder)

    @property
    def graph(self) -> bytes:
        """The ONNX graph."""
        return (self.folder / "features.onnx").read_bytes()

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The raw columns, in the graph's order."""
        return tuple(Input.model_validate(item) for item in self.read_json("features.json")["inputs"])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the prepared features, in order."""
        return tuple(self.read_json("features.json")["names"])

    @property
    def example(self) -> dict[str, Any]:
        """A typical row (medians, most frequent values; nobody's own), as JSON values."""
        return dict(self.read_json("features.json")["example"])

    def summary(self) -> str:
        """Columns in, features out."""
        return f"{len(self.inputs)} columns → {len(self.names)} features"


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


class Prepared(Artifact):
    """One Parquet a part: the float32 feature columns, ``__target__``, and ``__weight__`` when weighed.

    ``__target__`` is the class index (int64), or the value (float64) for regression.
    """

    format = "prepared"

    @classmethod
    def create(cls, folder: Path, parts: Mapping[PartName, pl.DataFrame], *, facts: PreparedFacts) -> Self:
        """Write the prepared parts and their facts."""
        for name in PARTS:
            write_rows(folder / f"{name}.parquet", parts[name])
        rows = {name: parts[name].height for name in PARTS}
        write_json(folder / "prepared.json", {"facts": facts.model_dump(mode="json"), "rows": rows})
        return cls(folder)

    @property
    def facts(self) -> PreparedFacts:
        """Task, target, features, classes."""
        return PreparedFacts.model_validate(self.read_json("prepared.json")["facts"])

    def read(self, part: PartName, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read one part, with all its columns when none are named."""
        import polars as pl

        return pl.read_parquet(self.folder / f"{part}.parquet", columns=list(columns) if columns else None)

    def matrix(self, part: PartName) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Features of one part, float32 (rows, features), row-major."""
        import numpy as np

        frame = self.read(part, columns=self.facts.features)
        return np.ascontiguousarray(frame.to_numpy(), dtype=np.float32)

    def target(self, part: PartName) -> np.ndarray[Any, Any]:
        """Target of one part: int64 class index, or float64 value (rows,)."""
        return self.read(part, columns=["__target__"])["__target__"].to_numpy()

    def weight(self, part: PartName) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Row weights of one part (rows,), or None when rows are not weighed."""
        import polars as pl

        path = self.folder / f"{part}.parquet"
        if "__weight__" not in pl.read_parquet_schema(path):
            return None
        return self.read(part, columns=["__weight__"])["__weight__"].to_numpy()

    def rows(self, part: PartName) -> int:
        """How many rows one part has."""
        return int(self.read_json("prepared.json")["rows"][part])

    def summary(self) -> str:
        """Rows of each part."""
        return ", ".join(f"{name} {count:,}" for name, count in self.read_json("prepared.json")["rows"].items())
