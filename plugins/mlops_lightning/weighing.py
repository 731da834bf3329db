"""Prepared rows as a network takes them: targets standardised, weights with a mean of 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from mlops.formats.features import Batch, Prepared
from mlops_lightning.estimator import Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Weigher"]


@dataclass(frozen=True)
class Weigher:
    """Turns targets and weights into what the loss takes, the same for every part."""

    mean: float
    deviation: float
    """Of a regression's target."""

    regression: bool
    factors: NDArray[np.float64] | None
    """What a row's class makes of its weight: n / (classes × n of the class) in the train part, as in G. King and
    L. Zeng, "Logistic Regression in Rare Events Data" (2001); None when classes are not balanced."""

    scale: float
    """Mean weight of the train part: weights are divided by it, so that they do not change the learning rate."""

    @classmethod
    def of(cls, prepared: Prepared, statistics: Statistics, *, balanced: bool) -> Self:
        """Count the train part; its target and weight columns alone are read."""
        regression = prepared.facts.task == "regression"
        factors = _factors(prepared) if balanced and not regression else None
        scale = _mean_weight(prepared, factors)
        return cls(statistics.mean, statistics.deviation, regression, factors, scale)

    def weighed(self, batch: Batch) -> Batch:
        """Give rows whose target is float32 and standardised (regression), whose weight is float32 or None."""
        target = batch.target
        weight = batch.weight
        if self.factors is not None:
            heavy = self.factors[target]
            weight = heavy if weight is None else weight * heavy
        if self.regression:
            target = ((target - self.mean) / self.deviation).astype(np.float32)
        light: Any = None if weight is None else (weight / self.scale).astype(np.float32)
        return Batch(batch.matrix, target, light)


def _factors(prepared: Prepared) -> NDArray[np.float64]:
    classes = len(prepared.facts.classes)
    counts = _scan(prepared).group_by("__target__").len().collect()
    found = np.zeros(classes)
    found[counts["__target__"].to_numpy()] = counts["len"].to_numpy()
    made: NDArray[np.float64] = found.sum() / (classes * np.maximum(found, 1))
    return made


def _mean_weight(prepared: Prepared, factors: NDArray[np.float64] | None) -> float:
    if factors is None and not prepared.weighed:
        return 1.0
    if factors is None:
        return float(_scan(prepared).select(pl.col("__weight__").mean()).collect().item()) or 1.0
    total = pl.col("__weight__").sum() if prepared.weighed else pl.len()
    sums = _scan(prepared).group_by("__target__").agg(total.alias("weight"), pl.len().alias("rows"))
    counted = sums.sort("__target__").collect()
    heavy = factors[counted["__target__"].to_numpy()] * counted["weight"].to_numpy()
    return float(heavy.sum() / counted["rows"].sum()) or 1.0


def _scan(prepared: Prepared) -> pl.LazyFrame:
    return pl.scan_parquet(prepared.path("train"))
