"""The work of the slices gate: a metric in each slice, the worst of them held against the bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.services.gate import Evidence, Finding
from mlops_release.catalogue import BETTER, chosen
from mlops_release.groups import groups_of
from mlops_release.metrics import measure_of
from mlops_release.outcomes import outcomes_of

if TYPE_CHECKING:
    from mlops_release.slices import Slices

__all__ = ["judge_slices"]

_SHOWN = 20
"""Slices that are kept for the page, the worst first."""


@dataclass(frozen=True)
class _Slice:
    name: str
    rows: int
    value: float


def judge_slices(gate: Slices, evidence: Evidence) -> Finding:
    """Measure each slice with enough rows and judge the worst."""
    outcomes = outcomes_of(evidence, evidence.predictions)
    name = chosen(gate.metric, evidence.evaluation, task=outcomes.task)
    whole = measure_of(name, outcomes)(outcomes.weight) if outcomes.rows else math.nan
    found: list[_Slice] = []
    for columns in gate.columns:
        for group in groups_of(evidence.rows, (columns,) if isinstance(columns, str) else columns, bins=gate.bins):
            if group.size >= gate.support:
                part = outcomes.only(group.rows)
                found.append(_Slice(group.name, group.size, measure_of(name, part)(part.weight)))
    known = sorted((item for item in found if math.isfinite(item.value)), key=lambda item: BETTER[name] * item.value)
    if not known:
        return _nothing(gate)
    bound = _bound(gate, whole, better=BETTER[name])
    worst = known[0]
    return _judged(worst, name=name, bound=bound, whole=whole, known=known)


def _bound(gate: Slices, whole: float, *, better: int) -> float:
    """The strictest of the bounds that the gate asks for, on the side that is bad."""
    asked = [gate.least if better > 0 else gate.most, None if gate.gap is None else whole - better * gate.gap]
    given = [bound for bound in asked if bound is not None]
    return (max(given) if better > 0 else min(given)) if given else -better * math.inf


def _judged(worst: _Slice, *, name: str, bound: float, whole: float, known: list[_Slice]) -> Finding:
    short = BETTER[name] * (bound - worst.value)
    passed = short <= 0
    word = "at least" if BETTER[name] > 0 else "at most"
    sentence = (
        f"the worst of {len(known)} slices is {worst.name} with {name} {worst.value:.4g} on {worst.rows:,} rows"
        f" ({whole:.4g} on all), asked is {word} {bound:.4g}" + ("" if passed else f": {short:.3g} too bad")
    )
    details = tuple({"slice": item.name, "rows": item.rows, name: item.value} for item in known[:_SHOWN])
    fix = "give training more rows of that kind, or features that tell it apart"
    return Finding(passed, sentence, value=worst.value, bound=bound, fix=fix, details=details)


def _nothing(gate: Slices) -> Finding:
    columns = ", ".join(" × ".join([name] if isinstance(name, str) else name) for name in gate.columns)
    return Finding(
        False,
        f"no slice of {columns} has {gate.support:,} rows in which the metric is defined",
        fix="lower `support`, or slice by columns with fewer values",
    )
