"""Rows in, predictions out: one ONNX session with its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.derivation import Derivation
from mlops.formats.derived import Derived
from mlops.formats.features import Input
from mlops.formats.inputs import tensor
from mlops.formats.rowcheck import BadValue, Checked, RowCheck, frame_of, refusal
from mlops.formats.single import Single

__all__ = ["BadRows", "Scorer"]

BadRows = Literal["fail", "null"]
Array = np.ndarray[Any, Any]


class Scorer:
    """A loaded graph; it may be used from several threads at once."""

    def __init__(self, graph: bytes, signature: Mapping[str, Any], *, threads: int = 1) -> None:
        self._session = _session(graph, threads)
        inputs = [Input.model_validate(item) for item in signature["inputs"]]
        derived = [Derived.model_validate(item) for item in signature.get("derived", ())]
        self._tensors = tuple(Input.model_validate(item) for item in signature.get("tensors", signature["inputs"]))
        self._classes = tuple(signature["classes"])
        self._names = tuple(item.name for item in inputs)
        self._check = RowCheck(inputs)
        self._derivation = Derivation(derived, self._check.schema)
        self._single = Single(inputs, self._tensors, self._derivation)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that people give."""
        return self._names

    @property
    def outputs(self) -> tuple[str, ...]:
        """The columns of predictions."""
        return ("label", *self._score_names) if self._classes else ("prediction",)

    @property
    def width(self) -> int:
        """Numbers a row in all the graph's tensors."""
        return sum(item.width for item in self._tensors)

    def score(self, frame: pl.DataFrame, *, bad_rows: BadRows = "fail", text: bool = False) -> pl.DataFrame:
        """Score rows.

        Args:
            frame: one row a thing to predict; columns that the model does not know are ignored.
            bad_rows: fail raises; null gives no prediction for bad rows and says why under ``error``.
            text: whether text is a way of writing other types, as it is in CSV files.

        Returns:
            ``label`` and one ``score_<class>`` a class, or ``prediction``; rows in the same order.

        Raises:
            StageError: a column is missing, or a value is bad; the first ones are named.
        """
        if bad_rows == "fail" and not text and frame.height == 1:
            found = self._quick(frame.row(0, named=True))
            if found is not None:
                return self._frame(*found)
        checked = self.checked(frame, text=text)
        if bad_rows == "fail" and checked.faults:
            raise refusal(checked)
        return self.predictions(checked, errors=bad_rows == "null")

    def predictions(self, checked: Checked, *, errors: bool = False) -> pl.DataFrame:
        """Score checked rows; with ``errors`` bad ones get no prediction, and a column ``error`` says why."""
        scored = self._frame(*self.run(checked, self._outputs))
        return _with_errors(scored, checked) if errors else scored

    def score_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Score one row of JSON values; the same numbers as `score`, without the cost of a frame."""
        found = self._quick(row)
        if found is None:
            return self.score(frame_of([row], self._names)).row(0, named=True)
        if not self._classes:
            return {"prediction": found[0].item()}
        labels, scores = found
        label = labels.item()
        label = bool(label) if isinstance(self._classes[0], bool) else label
        values = zip(self._score_names, scores[0].tolist(), strict=True)
        return {"label": label, **dict(values)}

    def score_rows(self, rows: Sequence[Mapping[str, Any]], *, bad_rows: BadRows = "fail") -> pl.DataFrame:
        """Score rows of JSON values as `score` does."""
        return self.score(frame_of(rows, self._names), bad_rows=bad_rows)

    def check(self, frame: pl.DataFrame, *, text: bool = False) -> list[BadValue]:
        """List every bad value, row by row; empty when all rows can be scored.

        Raises:
            StageError: a column is missing.
        """
        return list(self.checked(frame, text=text).bad_values())

    def checked(self, frame: pl.DataFrame, *, text: bool = False) -> Checked:
        """Bring rows to their training types, imputing and clipping as the contract says; raises as `check`."""
        return self._check.check(frame, text=text)

    def run(self, checked: Checked, outputs: Sequence[str]) -> list[Array]:
        """Compute values of the graph for checked rows; bad values count as missing."""
        frame = self._derivation.derive(checked.frame)
        feed = {
            item.name: checked.pictures[item.name] if item.kind == "image" else tensor(item, frame[item.name])
            for item in self._tensors
        }
        return self._values(outputs, feed)

    def run_row(self, row: Mapping[str, Any], outputs: Sequence[str]) -> list[Array]:
        """Compute values of the graph for one row, the way `score_row` goes; raises as `score`."""
        feed = self._single.feed(row)
        if feed is not None:
            return self._values(outputs, feed)
        checked = self.checked(frame_of([row], self._names))
        if checked.faults:
            raise refusal(checked)
        return self.run(checked, outputs)

    @property
    def _outputs(self) -> tuple[str, ...]:
        return ("label", "scores") if self._classes else ("prediction",)

    @property
    def _score_names(self) -> list[str]:
        return [f"score_{name}" for name in self._classes]

    def _quick(self, row: Mapping[str, Any]) -> list[Array] | None:
        """Score an ordinary row at once; None when it takes the long way."""
        feed = self._single.feed(row)
        return None if feed is None else self._values(self._outputs, feed)

    def _values(self, outputs: Sequence[str], feed: Mapping[str, Array]) -> list[Array]:
        try:
            return list(self._session.run(outputs, feed))
        except Exception as exc:  # onnxruntime's own exceptions share no public base class
            raise StageError(f"the graph cannot score these rows: {exc}") from exc

    def _frame(self, first: Array, scores: Array | None = None) -> pl.DataFrame:
        if scores is None:
            return pl.DataFrame({"prediction": first})
        columns: dict[str, Any] = {"label": self._label(first)}
        columns |= {name: scores[:, index] for index, name in enumerate(self._score_names)}
        return pl.DataFrame(columns)

    def _label(self, labels: Array) -> pl.Series:
        if isinstance(self._classes[0], bool):
            return pl.Series(labels).cast(pl.Boolean)
        if isinstance(self._classes[0], str):
            return pl.Series(labels.tolist(), dtype=pl.String)
        return pl.Series(labels)


def _session(graph: bytes, threads: int) -> Any:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from whoever else works on this machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # as above
        raise StageError(f"onnxruntime cannot load the graph: {exc}", fix="make the bundle again") from exc


def _with_errors(scored: pl.DataFrame, checked: Checked) -> pl.DataFrame:
    """Take the predictions of bad rows out and say why."""
    said: dict[int, str] = {}
    for item in checked.bad_values(first=0):
        before = f"{said[item.row]}; " if item.row in said else ""
        said[item.row] = f"{before}{item.sentence()}"
    errors = pl.Series("error", [said.get(row) for row in range(checked.height)], dtype=pl.String)
    good = errors.is_null()
    return scored.select(pl.when(good).then(pl.col(name)).alias(name) for name in scored.columns).with_columns(errors)
