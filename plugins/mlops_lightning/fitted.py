"""A network that has seen data: predict, save, load, export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch

from mlops.formats.model import Fitted
from mlops_lightning.estimator import NeuralEstimator
from mlops_lightning.evaluation import evaluation_rows
from mlops_lightning.export import export_network
from mlops_lightning.families import known_family
from mlops_lightning.losses import scores_of
from mlops_lightning.native import Native, read_native, write_native

__all__ = ["FittedNetwork"]


class FittedNetwork(Fitted):
    """``weights.safetensors`` and ``network.json``."""

    family: ClassVar[type[NeuralEstimator] | None] = None
    """The class whose networks this loads; None: the one that a saved model names, of this package only."""

    def __init__(
        self, native: Native, *, history: Mapping[str, Sequence[float]] | None = None, threads: int = 1
    ) -> None:
        self._native = native
        self._history = dict(history or {})
        self._threads = threads
        family = self.family or known_family(native.family)
        self._options = family.model_validate(native.parameters)
        with torch.random.fork_rng(devices=[]):
            self._network = self._options.network(native.facts, native.statistics)
        self._network.load_state_dict(dict(native.weights))
        self._network.eval().requires_grad_(requires_grad=False)

    @classmethod
    def of(cls, family: type[NeuralEstimator]) -> type[Self]:
        """Make the class that loads the networks of one family, such as one of a user's own."""
        return type(f"Fitted{family.__name__}", (cls,), {"family": family, "__doc__": cls.__doc__})

    def predict(self, matrix: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Score prepared rows, some thousand at a time."""
        facts, statistics = self._native.facts, self._native.statistics
        made = np.empty((len(matrix), len(facts.classes) or 1))
        size = evaluation_rows(len(facts.features))
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                for start in range(0, len(matrix), size):
                    rows = torch.from_numpy(np.array(matrix[start : start + size], dtype=np.float32))
                    made[start : start + size] = scores_of(self._network(rows).float(), facts.task).numpy()
        finally:
            torch.set_num_threads(before)
        return made if facts.classes else made * statistics.deviation + statistics.mean

    def save(self, folder: Path) -> None:
        """Write the weights and what they are of."""
        native = self._native
        write_native(
            folder,
            native.weights,
            family=native.family,
            parameters=native.parameters,
            facts=native.facts,
            statistics=native.statistics,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the weights; only a class that is known builds the network, nothing else is run."""
        return cls(read_native(folder))

    def onnx(self) -> bytes:
        """Export the network and what makes its raw outputs scores."""
        return export_network(self._network, self._native)

    def history(self) -> Mapping[str, Sequence[float]]:
        """Training curves, one value an epoch."""
        return self._history
