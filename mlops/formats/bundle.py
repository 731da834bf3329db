"""What ships: one ONNX graph with features and model, its signature and its lineage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mlops.formats.artifact import Artifact, write_json
from mlops.formats.inputs import NULL_CATEGORY, NULL_TIME

if TYPE_CHECKING:
    import polars as pl

    from mlops.formats.rowcheck import BadValue
    from mlops.formats.scorer import BadRows, Scorer

__all__ = ["NULL_CATEGORY", "NULL_TIME", "Bundle"]


class Bundle(Artifact):
    """``model.onnx``, ``signature.json`` and ``lineage.json``; needs only onnxruntime and Polars."""

    format = "bundle"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._scorer: Scorer | None = None

    @classmethod
    def create(cls, folder: Path, graph: bytes, *, signature: Mapping[str, Any], lineage: Mapping[str, Any]) -> Self:
        """Write the graph, what it takes and gives, and where it comes from."""
        (folder / "model.onnx").write_bytes(graph)
        write_json(folder / "signature.json", dict(signature))
        write_json(folder / "lineage.json", dict(lineage))
        return cls(folder)

    @property
    def graph(self) -> bytes:
        """The ONNX graph: raw columns in; ``label`` and ``scores``, or ``prediction``, out."""
        return (self.folder / "model.onnx").read_bytes()

    @property
    def signature(self) -> dict[str, Any]:
        """Inputs, derived, tensors, history (see `FeatureFacts`), outputs, task, classes, example."""
        return dict(self.read_json("signature.json"))

    @property
    def lineage(self) -> dict[str, Any]:
        """Which stages, keys and input digests led here."""
        return dict(self.read_json("lineage.json"))

    def predict(self, frame: pl.DataFrame, *, threads: int = 1, bad_rows: BadRows = "fail") -> pl.DataFrame:
        """Score raw rows; the loaded graph is kept for the next call on this handle.

        Args:
            frame: the columns of the signature; others are ignored.
            threads: threads of the graph's operators (the first call decides).
            bad_rows: fail raises; null gives no prediction for bad rows and says why under ``error``.

        Returns:
            ``label`` and one ``score_<class>`` a class, or ``prediction``; rows in the same order.

        Raises:
            StageError: a column is missing, or a value is bad; the first ones are named.
        """
        return self.scorer(threads=threads).score(frame, bad_rows=bad_rows)

    def check(self, frame: pl.DataFrame) -> list[BadValue]:
        """List every value that cannot be scored (row from 1, column, value, why); empty when there is none.

        Raises:
            StageError: a column is missing.
        """
        return self.scorer().check(frame)

    def scorer(self, *, threads: int = 1) -> Scorer:
        """Load the graph, once for this handle."""
        if self._scorer is None:
            from mlops.formats.scorer import Scorer

            self._scorer = Scorer(self.graph, self.signature, threads=threads)
        return self._scorer

    def summary(self) -> str:
        """Task, inputs and size."""
        signature = self.signature
        size = (self.folder / "model.onnx").stat().st_size
        return f"{signature['task']} on {len(signature['inputs'])} columns, {size / 1024:,.0f} KiB"
