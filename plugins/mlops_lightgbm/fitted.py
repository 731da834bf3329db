"""Trees that have seen data: predict, save as text, load."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np

from mlops.formats.artifact import write_json
from mlops.formats.features import PreparedFacts
from mlops.formats.model import Fitted
from mlops_lightgbm.export import to_onnx

__all__ = ["FittedTrees"]


class FittedTrees(Fitted):
    """``model.txt`` in LightGBM's own text format, and ``facts.json``."""

    def __init__(
        self, text: str, *, facts: PreparedFacts, history: Mapping[str, Sequence[float]] | None = None, threads: int = 1
    ) -> None:
        # How many threads fitted it says nothing about the model and would make equal models differ.
        self._text = re.sub(r"^\[num_threads: \d+\]$", "[num_threads: 1]", text, flags=re.MULTILINE)
        self._facts = facts
        self._history = dict(history or {})
        self._threads = threads
        self._booster = lightgbm.Booster(model_str=self._text)

    def predict(self, matrix: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Score prepared rows."""
        found = np.asarray(self._booster.predict(matrix, num_threads=self._threads), dtype=np.float64)
        if self._facts.task == "binary":
            return np.column_stack([1 - found, found])
        return found.reshape(len(matrix), -1)

    def save(self, folder: Path) -> None:
        """Write the text and the facts."""
        (folder / "model.txt").write_text(self._text, encoding="utf-8")
        write_json(folder / "facts.json", self._facts.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the text and the facts."""
        facts = PreparedFacts.model_validate_json((folder / "facts.json").read_text(encoding="utf-8"))
        return cls((folder / "model.txt").read_text(encoding="utf-8"), facts=facts)

    def onnx(self) -> bytes:
        """Export the trees as one ONNX operator."""
        return to_onnx(self._booster.dump_model(), task=self._facts.task)

    def importances(self) -> dict[str, float]:
        """Share of the whole gain that each feature's splits bring."""
        gain = self._booster.feature_importance(importance_type="gain")
        shares = gain / (gain.sum() or 1.0)
        return dict(zip(self._facts.features, shares.tolist(), strict=True))

    def history(self) -> Mapping[str, Sequence[float]]:
        """Loss of each round on train and validation rows."""
        return self._history
