"""A linear model that has seen data: predict, save as JSON, load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict
from threadpoolctl import threadpool_limits

from mlops.formats.artifact import write_json
from mlops.formats.model import Fitted
from mlops.formats.table import Task
from mlops_sklearn.design import Design, Floats
from mlops_sklearn.export import to_onnx

__all__ = ["FittedLinear", "Weights"]


class Weights(BaseModel):
    """All that a linear model is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    design: Design
    coefficients: list[list[float]]
    """(outputs, design columns); one output for binary and regression, else one a class."""

    intercept: list[float]


class FittedLinear(Fitted):
    """``linear.json``: the weights, as text that reads back to the same bits."""

    def __init__(
        self,
        weights: Weights,
        *,
        importances: Mapping[str, float] | None = None,
        history: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self._weights = weights
        self._coefficients = np.asarray(weights.coefficients)
        self._importances = dict(importances or {})
        self._history = dict(history or {})

    def predict(self, matrix: np.ndarray[Any, np.dtype[np.float32]]) -> Floats:
        """Score prepared rows."""
        design = self._weights.design.expand(matrix)
        # One thread, as in the fit, so that the sums have one order.
        with threadpool_limits(limits=1):
            margin: Floats = design @ self._coefficients.T + np.asarray(self._weights.intercept)
        if self._weights.task == "regression":
            return margin
        if self._weights.task == "binary":
            margin = np.column_stack([np.zeros(len(margin)), margin])
        odds = np.exp(margin - margin.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the weights."""
        write_json(folder / "linear.json", self._weights.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the weights."""
        return cls(Weights.model_validate_json((folder / "linear.json").read_text(encoding="utf-8")))

    def onnx(self) -> bytes:
        """Export design and weights."""
        weights = self._weights
        return to_onnx(weights.design, self._coefficients, np.asarray(weights.intercept), task=weights.task)

    def importances(self) -> Mapping[str, float]:
        """Share of each feature in the spread of the margin."""
        return self._importances

    def history(self) -> Mapping[str, Sequence[float]]:
        """Validation loss of each strength tried, strongest first."""
        return self._history
