"""Which trials are behind: asynchronous successive halving (Li et al., 2020, arXiv:1810.05934)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.services.searcher import Trial
from mlops.services.space import Parameter, family

__all__ = ["Race", "is_rung"]


def is_rung(step: int, *, grace: int, reduction: int) -> bool:
    """Tell whether trials are compared after a step (from 0): after grace·reductionᵏ steps."""
    share = (step + 1) / grace
    return share >= 1 and math.isclose(share, reduction ** round(math.log(share, reduction)))


@dataclass
class Race:
    """What trials have reported so far, and which of them are behind; small values are good.

    A trial is compared with those of the same choices of config groups only: an epoch of a network
    says nothing about a round of trees.
    """

    space: tuple[Parameter, ...]
    grace: int
    """Steps before the first rung; 0 ends no trial early."""

    reduction: int
    """Of the trials that come to a rung, one of so many goes on."""

    _entered: dict[int, tuple[tuple[Any, ...], dict[int, float]]] = field(default_factory=dict)

    def take(self, trial: Trial) -> None:
        """Take a trial of an earlier run."""
        self._entered[trial.number] = (family(self.space, trial.values), dict(trial.reports))

    def enter(self, number: int, values: Mapping[str, Any]) -> None:
        """Let a trial begin."""
        self._entered[number] = (family(self.space, values), {})

    def is_behind(self, number: int, step: int, value: float) -> bool:
        """Take a report; tell whether its trial is not among the best of those that came to this rung."""
        kind, reports = self._entered[number]
        reports[step] = value
        if not self.grace or not is_rung(step, grace=self.grace, reduction=self.reduction):
            return False
        there = sorted(others[step] for other, others in self._entered.values() if other == kind and step in others)
        return value > there[max(0, len(there) // self.reduction - 1)]

    @staticmethod
    def words(step: int, value: float) -> str:
        """Say why a trial was ended early."""
        return f"behind the others at step {step + 1} with {value:.5g}"
