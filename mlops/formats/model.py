"""A trained model, and the two small interfaces that each model family implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict

from mlops.formats.artifact import Artifact, write_json
from mlops.formats.features import Prepared
from mlops.formats.rows import write_rows
from mlops.formats.table import Task
from mlops.stage import Context, Part

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["Estimator", "Fitted", "Model", "ModelFacts"]


class Fitted(ABC):
    """A model that has seen data. The train stage calls it once `Estimator.fit` returns."""

    @abstractmethod
    def predict(self, matrix: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Score prepared rows (rows, features).

        Returns:
            Probabilities (rows, classes), or values (rows, 1) for regression.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the native model into an empty folder, as data only (never a pickle)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read back what `save` wrote; predicts exactly the same."""

    @abstractmethod
    def onnx(self) -> bytes:
        """Export to ONNX.

        Returns:
            A graph with one input ``features`` float32 (rows, features) and one output ``scores``
            float32: probabilities (rows, classes), or values (rows, 1) for regression.
        """

    def importances(self) -> Mapping[str, float]:
        """Weigh the features, larger is more important; empty when the family has no such notion."""
        return {}

    def history(self) -> Mapping[str, Sequence[float]]:
        """Training curves: name → one value a round; empty when there are none."""
        return {}


class Estimator(Part, ABC):
    """A model family as a recipe describes it: fields are its hyperparameters."""

    @abstractmethod
    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        """Fit on the ``train`` part, stopping early on ``validation`` where the family can.

        Must be deterministic given ``context.seed`` and use at most ``context.cpus`` threads.
        Never reads the ``test`` part.
        """


class ModelFacts(BaseModel):
    """What the stages below need to know of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    family: str
    """Dotted name of the estimator's class."""

    task: Task
    target: str
    features: tuple[str, ...]
    classes: tuple[str | int | float | bool, ...] = ()
    importances: dict[str, float] = {}
    history: dict[str, list[float]] = {}


class Model(Artifact):
    """``model.onnx``, ``model.json``, ``native/`` and ``predictions_{validation,test}.parquet``.

    The predictions are the native model's: columns ``score_0 …`` float64 (one a class, or one
    for regression), ``__target__`` and ``__weight__`` as in `Prepared`, rows in the same order.
    """

    format = "model"

    @classmethod
    def create(
        cls, folder: Path, fitted: Fitted, *, facts: ModelFacts, predictions: Mapping[str, pl.DataFrame]
    ) -> Self:
        """Write the graph, the native model and its predictions."""
        (folder / "model.onnx").write_bytes(fitted.onnx())
        (folder / "native").mkdir()
        fitted.save(folder / "native")
        for part, frame in predictions.items():
            write_rows(folder / f"predictions_{part}.parquet", frame)
        write_json(folder / "model.json", facts.model_dump(mode="json"))
        return cls(folder)

    @property
    def graph(self) -> bytes:
        """The ONNX graph."""
        return (self.folder / "model.onnx").read_bytes()

    @property
    def facts(self) -> ModelFacts:
        """Family, task, target, features, classes, importances, history."""
        return ModelFacts.model_validate(self.read_json("model.json"))

    def predictions(self, part: str) -> pl.DataFrame:
        """The native model's predictions on ``validation`` or ``test``."""
        import polars as pl

        return pl.read_parquet(self.folder / f"predictions_{part}.parquet")

    def summary(self) -> str:
        """Family and size of the graph."""
        size = (self.folder / "model.onnx").stat().st_size
        return f"{self.facts.family.rsplit('.', 1)[-1]}, ONNX {max(1, round(size / 1024)):,} KiB"
