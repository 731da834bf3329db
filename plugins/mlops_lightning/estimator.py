"""The base of every network family: how a recipe describes one, and its fit."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mlops.errors import MissingExtra
from mlops.formats.features import Prepared, PreparedFacts
from mlops.formats.model import Estimator, Fitted
from mlops.stage import Choice, Context, Machine
from mlops_lightning.hardware import Hardware
from mlops_lightning.options import TrainingOptions
from mlops_lightning.resolving import resolve

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    Floats = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["NeuralEstimator", "Statistics"]


@dataclass(frozen=True)
class Statistics:
    """What layers need to know of the training rows. Arrays have one row a single feature (`facts.singles`)."""

    rows: int
    """How many training rows there are."""

    quantiles: Floats
    """Quantiles at 0/256 … 256/256 of what is no NaN, float32 (singles, 257), rising in a row; the layer picks
    its bins from them. Estimated on at most 131,072 rows."""

    means: Floats
    """float32 (singles,), of the same rows as the quantiles."""

    deviations: Floats
    """float32 (singles,), never 0: 1 where a feature is constant."""

    cardinality: tuple[int, ...] = ()
    """How many codes each of `facts.categorical` has in training: the highest code + 1, at least 1."""

    mean: float = 0.0
    deviation: float = 1.0
    """Mean and standard deviation of a regression's target, which the network sees standardised."""


class NeuralEstimator(TrainingOptions, Estimator):
    """A family of networks: subclasses add the fields of their architecture and build it."""

    libraries: ClassVar[tuple[str, ...]] = ("torch", "lightning", "numpy", "onnx")
    extra: ClassVar[str] = "lightning"

    hardware: Hardware = Hardware()
    """What the fit may use of the machine; all is chosen to fit when left out."""

    @abstractmethod
    def network(self, facts: PreparedFacts, statistics: Statistics) -> nn.Module:
        """Build the network, its weights drawn from torch's seeded generator.

        Called by the fit, and when a saved model is loaded. The module's ``forward`` takes
        features float32 (rows, features) and gives raw outputs (rows, outputs), or
        (rows, members, outputs) for an ensemble: outputs are one logit a class (two for binary),
        or one standardised value. Its ``emit(nodes, features)`` adds the same computation to an
        ONNX graph and gives the name of the outputs.
        """

    def resolve(self, machine: Machine) -> tuple[Choice, ...]:
        """Say what the hardware leaves open."""
        found = resolve(self.hardware, machine, rows=None, width=None, batch_size=self.batch_size, epochs=self.epochs)
        return found.choices

    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        """Train on train rows; the epoch is chosen on validation rows."""
        try:
            from mlops_lightning.launching import fit
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "torch", extra=self.extra) from exc
        return fit(self, prepared, context=context)
