"""What all families of networks for tables have in common: how features become numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import NeuralEstimator, Statistics

if TYPE_CHECKING:
    from mlops_lightning.networks.table_input import TableInput

__all__ = ["TableEstimator"]


class TableEstimator(NeuralEstimator):
    """A family of networks whose first layer reads single features and flat blocks."""

    numeric: Literal["plain", "piecewise_linear", "periodic"] = "piecewise_linear"
    """How quantities enter: plain, as they are; piecewise_linear, each as a learnt curve over its own bins;
    periodic, each as learnt waves. Quantities of two values are always plain."""

    numeric_width: int = Field(default=16, ge=1)
    """Numbers that each quantity becomes, when not plain."""

    bins: int = Field(default=32, ge=1, le=256)
    """piecewise_linear: most bins of a quantity, each with the same share of the training rows."""

    frequencies: int = Field(default=16, ge=1)
    """periodic: how many waves a quantity is laid over."""

    sigma: float = Field(default=0.1, gt=0)
    """periodic: how quick the waves are at the start, as the standard deviation of their frequencies."""

    category_width: int = Field(default=8, ge=1)
    """Numbers that each category becomes."""

    def inputs(self, facts: PreparedFacts, statistics: Statistics) -> TableInput:
        """Make the first layer.

        Raises:
            StageError: there are word numbers among the features, which are no quantities.
        """
        from mlops_lightning.networks.table_input import Embedding, TableInput

        facts.refuse_tokens(type(self).__name__)
        embedding = Embedding(
            numeric=self.numeric,
            numeric_width=self.numeric_width,
            bins=self.bins,
            frequencies=self.frequencies,
            sigma=self.sigma,
            category_width=self.category_width,
        )
        return TableInput(facts, statistics, embedding)
