"""Rows in, predictions out: one ONNX session with its signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops.errors import StageError
from mlops.formats.features import Input
from mlops.formats.inputs import tensors

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["Scorer"]


class Scorer:
    """A loaded graph; its `score` may be called from several threads at once."""

    def __init__(self, graph: bytes, signature: Mapping[str, Any], *, threads: int = 1) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # onnxruntime's own exceptions share no public base class
            raise StageError(f"onnxruntime cannot load the graph: {exc}", fix="make the bundle again") from exc
        self._inputs = tuple(Input.model_validate(item) for item in signature["inputs"])
        self._classes = tuple(signature["classes"])

    def score(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score raw rows.

        Args:
            frame: one row a thing to predict; columns that the model does not know are ignored.

        Returns:
            ``label`` and one ``score_<class>`` a class, or ``prediction``; rows in the same order.
        """
        import polars as pl

        feed = tensors(frame, self._inputs)
        if not self._classes:
            (values,) = self._run(["prediction"], feed)
            return pl.DataFrame({"prediction": values})
        labels, scores = self._run(["label", "scores"], feed)
        columns: dict[str, Any] = {"label": self._label(labels)}
        columns |= {f"score_{name}": scores[:, index] for index, name in enumerate(self._classes)}
        return pl.DataFrame(columns)

    def _run(self, names: list[str], feed: Mapping[str, np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        try:
            return list(self._session.run(names, dict(feed)))
        except Exception as exc:  # as above
            raise StageError(f"the graph cannot score these rows: {exc}") from exc

    def _label(self, labels: np.ndarray[Any, Any]) -> pl.Series:
        import polars as pl

        if isinstance(self._classes[0], bool):
            return pl.Series(labels).cast(pl.Boolean)
        if isinstance(self._classes[0], str):
            return pl.Series(labels.tolist(), dtype=pl.String)
        return pl.Series(labels)
