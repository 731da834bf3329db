"""How the learning rate goes, step by step: pure functions, so that a resumed fit needs only the step's number."""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["ONECYCLE_RISE", "factor"]

Shape = Literal["constant", "cosine", "linear", "onecycle", "plateau"]

ONECYCLE_RISE = 0.3
"""Share of the steps in which onecycle rises."""

_ONECYCLE_START, _ONECYCLE_END = 1 / 25, 1e-4
"""First and last factor of onecycle."""


def factor(shape: Shape, step: int, *, total: int, warmup: float) -> float:
    """Give what the learning rate is multiplied by at a step.

    Args:
        shape: cosine falls as in I. Loshchilov and F. Hutter, "SGDR" (2017), without restarts; onecycle as in
            L. N. Smith and N. Topin, "Super-Convergence" (2018), with cosine sides; plateau stays, as its
            falls depend on the validation loss.
        step: number of the step, from 0.
        total: steps of the whole fit, were it not stopped early.
        warmup: share of all steps in which the factor rises evenly from nearly 0 to 1; not for onecycle.

    Returns:
        A factor in (0, 1].
    """
    if shape == "onecycle":
        return _onecycle(step, total=total)
    rise = round(warmup * total)
    if step < rise:
        return (step + 1) / (rise + 1)
    left = (total - step) / max(1, total - rise)
    if shape == "cosine":
        return max(_cosine(1 - left, 1.0, 0.0), 1e-6)
    return max(left, 1e-6) if shape == "linear" else 1.0


def _onecycle(step: int, *, total: int) -> float:
    rise = max(1, round(ONECYCLE_RISE * total))
    if step < rise:
        return _cosine(step / rise, _ONECYCLE_START, 1.0)
    return _cosine((step - rise) / max(1, total - rise), 1.0, _ONECYCLE_END)


def _cosine(share: float, start: float, end: float) -> float:
    """Go from start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
