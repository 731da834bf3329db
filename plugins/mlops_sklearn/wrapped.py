"""Any estimator that has seen data: itself while the fit lasts, its ONNX graph once saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime

from mlops.formats.artifact import write_json
from mlops.formats.features import PreparedFacts
from mlops.formats.model import Fitted
from mlops_sklearn.design import Floats, Singles

__all__ = ["FittedWrapped", "Told", "run_graph"]


@dataclass(frozen=True)
class Told:
    """What an estimator says of itself beside its predictions."""

    name: str
    """Dotted name of its class."""

    params: Mapping[str, Any] = field(default_factory=dict)
    importances: Mapping[str, float] = field(default_factory=dict)
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)


class FittedWrapped(Fitted):
    """``model.onnx`` and ``facts.json``: an estimator's own format would be a pickle.

    Straight after the fit it predicts with the estimator itself, so that the graph is compared with
    something else than itself; once loaded, with the graph.
    """

    def __init__(
        self, graph: bytes, *, facts: PreparedFacts, told: Told, native: Callable[[Singles], Floats] | None = None
    ) -> None:
        self._graph = graph
        self._facts = facts
        self._told = told
        self._native = native

    def predict(self, matrix: Singles) -> Floats:
        """Score prepared rows."""
        return self._native(matrix) if self._native else run_graph(self._graph, matrix)

    def save(self, folder: Path) -> None:
        """Write the graph, and what it was made of."""
        (folder / "model.onnx").write_bytes(self._graph)
        described = {"estimator": self._told.name, "params": dict(self._told.params)}
        write_json(folder / "facts.json", {**described, "facts": self._facts.model_dump(mode="json")})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the graph."""
        described = _read(folder / "facts.json")
        return cls(
            (folder / "model.onnx").read_bytes(),
            facts=PreparedFacts.model_validate(described["facts"]),
            told=Told(described["estimator"], described["params"]),
        )

    def onnx(self) -> bytes:
        """Give the graph that was proved at the end of the fit."""
        return self._graph

    def importances(self) -> Mapping[str, float]:
        """Share of each feature in the estimator's own importances, or in the spread of its margin."""
        return self._told.importances

    def history(self) -> Mapping[str, Sequence[float]]:
        """Loss of each round on train rows, where the estimator keeps it."""
        return self._told.history


def run_graph(graph: bytes, matrix: Singles) -> Floats:
    """Run a graph ``features`` → ``scores`` with one thread; scores are float64 (rows, columns)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    found: Floats = session.run(["scores"], {"features": matrix})[0].astype(np.float64)
    return found


def _read(path: Path) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
