"""The numbers behind the curves: thinned lines, histograms, bins, quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from mlops_evaluate.probabilities import Reliability
from mlops_evaluate.ranking import Order
from mlops_evaluate.scored import Floats, Scored

__all__ = [
    "Calibration",
    "Operating",
    "calibration",
    "normal_quantiles",
    "operating",
    "thin",
    "weighted_quantiles",
]

_POINTS = 240


@dataclass(frozen=True, eq=False)
class Operating:
    """What a binary model does at each of its thresholds, all (thresholds,), scores falling."""

    thresholds: Floats
    recall: Floats
    false_rate: Floats
    precision: Floats
    called: Floats
    """Share of all rows that is called positive."""

    def at(self, threshold: float) -> int:
        """Index of the last threshold that calls exactly the rows scored ``threshold`` or more; -1 for none."""
        return int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1


def operating(scored: Scored) -> Operating | None:
    """Follow a binary model through its thresholds; None when a class has no rows."""
    order = Order(scored.positive, scored.target == 1)
    found, called = order.counts(scored.weight)
    total = called[-1]
    positives, negatives = found[-1], total - found[-1]
    if positives <= 0 or negatives <= 0:
        return None
    precision = np.divide(found, called, out=np.ones_like(found), where=called > 0)
    return Operating(order.thresholds, found / positives, (called - found) / negatives, precision, called / total)


def thin(x: Floats, y: Floats, *, points: int = _POINTS) -> tuple[Floats, Floats]:
    """Keep points that are evenly far apart along a curve; first and last stay."""
    if x.size <= points:
        return x, y
    spans = [np.ptp(values) or 1.0 for values in (x, y)]
    way = np.append(0.0, np.cumsum(np.abs(np.diff(x)) / spans[0] + np.abs(np.diff(y)) / spans[1]))
    kept = np.unique(np.searchsorted(way, np.linspace(0, way[-1], points)).clip(0, x.size - 1))
    kept = np.unique(np.append(kept, [0, x.size - 1]))
    return x[kept], y[kept]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Bins that hold rows, all (bins,)."""

    promised: Floats
    observed: Floats
    weight: Floats
    low: Floats
    high: Floats
    """Ends of the interval of the observed rate."""


def calibration(scored: Scored, *, binary: bool, confidence: float) -> Calibration:
    """Compare promised and observed rates, with Wilson intervals (Wilson 1927).

    Weighted rows count as Kish's effective number of rows: (Σw)² / Σw².
    """
    bins = Reliability(scored, binary=binary)
    weight = bins.total(scored.weight)
    held = weight > 0
    weight = weight[held]
    promised = bins.total(scored.weight * bins.promised)[held] / weight
    observed = bins.total(scored.weight * bins.happened)[held] / weight
    rows = weight**2 / bins.total(scored.weight**2)[held]
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (observed + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(observed * (1 - observed) / rows + z**2 / (4 * rows**2))
    return Calibration(promised, observed, weight, np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1))


def weighted_quantiles(values: Floats, weight: Floats, shares: Floats) -> Floats:
    """Values below which the given shares (k,) of the weight lie."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    at = np.searchsorted(reached, shares * reached[-1], side="left")
    found: Floats = values[order][np.minimum(at, values.size - 1)]
    return found


def normal_quantiles(shares: Floats) -> Floats:
    """Quantiles of the standard normal distribution at shares (k,)."""
    normal = NormalDist()
    return np.array([normal.inv_cdf(share) for share in shares.tolist()])
