"""The work of the fairness gate: each group's rate of positive answers, and the gap between them.

Selection rates apart are what demographic parity forbids, true positive rates what equal opportunity
does, both rates what equalised odds does (Hardt, Price & Srebro 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.errors import StageError
from mlops.services.gate import Evidence, Finding
from mlops_release.groups import Group, groups_of
from mlops_release.outcomes import Outcomes, classes_of, outcomes_of

if TYPE_CHECKING:
    from mlops_release.fairness import Fairness

__all__ = ["judge_rates"]

_PAIR = 2
_WORDS = {"selection": "selection rate", "true_positive": "true positive rate", "false_positive": "false positive rate"}


@dataclass(frozen=True)
class _Rate:
    group: str
    rows: int
    """Rows that the rate is a share of."""

    value: float


def judge_rates(gate: Fairness, evidence: Evidence) -> Finding:
    """Measure each group with enough rows and judge the gap between the extremes."""
    outcomes = outcomes_of(evidence, evidence.predictions)
    called, actual = _positives(gate, evidence, outcomes)
    found = [
        _rate(gate, group, outcomes.weight, called=called, actual=actual)
        for group in groups_of(evidence.rows, gate.by, bins=gate.bins)
    ]
    known = sorted((rate for rate in found if rate is not None), key=lambda rate: rate.value)
    if len(known) < _PAIR:
        return Finding(
            False,
            f"fewer than two groups of {', '.join(gate.by)} have {gate.support:,} rows behind their"
            f" {_WORDS[gate.rate]}",
            fix="lower `support`, or group by a column with fewer values",
        )
    return _judged(gate, known)


def _positives(gate: Fairness, evidence: Evidence, outcomes: Outcomes) -> tuple[Any, Any]:
    """Which rows are called positive, and which are."""
    classes = classes_of(evidence)
    if not classes:
        raise StageError("a regression model has no positive answers", fix="judge it by slices of its error instead")
    if gate.label is not None and gate.label not in classes:
        raise StageError(f"there is no class {gate.label!r}", fix=f"classes are {', '.join(map(repr, classes))}")
    place = len(classes) - 1 if gate.label is None else classes.index(gate.label)
    return outcomes.label == place, outcomes.target == place


def _rate(gate: Fairness, group: Group, weight: Any, *, called: Any, actual: Any) -> _Rate | None:
    mine = {"selection": np.ones_like(actual), "true_positive": actual, "false_positive": ~actual}[gate.rate]
    rows = group.rows[mine[group.rows]]
    total = float(weight[rows].sum())
    if rows.size < gate.support or total <= 0:
        return None
    return _Rate(group.name, int(rows.size), float((weight[rows] * called[rows]).sum()) / total)


def _judged(gate: Fairness, known: list[_Rate]) -> Finding:
    low, high = known[0], known[-1]
    ratio = 1 - low.value / high.value if high.value > 0 else 0.0
    gap = high.value - low.value if gate.gap == "difference" else ratio
    passed = gap <= gate.most
    sentence = (
        f"{_WORDS[gate.rate]} is {low.value:.3g} for {low.group} and {high.value:.3g} for {high.group}:"
        f" a {gate.gap} gap of {gap:.3g}, asked is at most {gate.most:g}"
        + ("" if passed else f": {gap - gate.most:.3g} too much")
    )
    details = tuple({"group": rate.group, "rows": rate.rows, _WORDS[gate.rate]: rate.value} for rate in known)
    fix = "look at the groups' features and weights, or at the threshold of evaluate"
    return Finding(passed, sentence, value=gap, bound=gate.most, fix=fix, details=details)
