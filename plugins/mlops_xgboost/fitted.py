"""Trees that have seen data: predict, save as JSON, load."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import xgboost

from mlops.formats.artifact import write_json
from mlops.formats.features import PreparedFacts
from mlops.formats.model import Fitted
from mlops_xgboost.export import to_onnx

__all__ = ["FittedTrees"]


class FittedTrees(Fitted):
    """``model.json`` in XGBoost's own format, and ``facts.json``."""

    def __init__(
        self,
        data: bytes,
        *,
        facts: PreparedFacts,
        history: Mapping[str, Sequence[float]] | None = None,
        threads: int = 1,
    ) -> None:
        self._data = data
        self._facts = facts
        self._history = dict(history or {})
        self._booster = xgboost.Booster({"nthread": threads})
        self._booster.load_model(bytearray(data))

    def predict(self, matrix: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Score prepared rows."""
        margin = np.asarray(self._booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)
        margin = margin.reshape(len(matrix), -1)
        if self._facts.task == "regression":
            return margin
        if self._facts.task == "binary":
            margin = np.column_stack([np.zeros(len(margin)), margin])
        odds = np.exp(margin - margin.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the trees and the facts."""
        (folder / "model.json").write_bytes(self._data)
        write_json(folder / "facts.json", self._facts.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the trees and the facts."""
        facts = PreparedFacts.model_validate_json((folder / "facts.json").read_text(encoding="utf-8"))
        return cls((folder / "model.json").read_bytes(), facts=facts)

    def onnx(self) -> bytes:
        """Export the trees as one ONNX operator."""
        return to_onnx(json.loads(self._data), task=self._facts.task)

    def importances(self) -> dict[str, float]:
        """Share of the whole gain that each feature's splits bring."""
        found = self._booster.get_score(importance_type="total_gain")
        gain = [max(0.0, float(found.get(f"f{index}", 0.0))) for index in range(len(self._facts.features))]
        whole = sum(gain) or 1.0
        return {name: value / whole for name, value in zip(self._facts.features, gain, strict=True)}

    def history(self) -> Mapping[str, Sequence[float]]:
        """Loss of each round on train and validation rows."""
        return self._history
