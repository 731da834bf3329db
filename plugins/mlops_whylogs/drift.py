"""What differs between the reference and a window: columns, predictions, missing values, new categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mlops.services.monitor import Finding, Kind
from mlops_whylogs.floors import Floors
from mlops_whylogs.sketching import Seen
from mlops_whylogs.statistics import homogeneity, kolmogorov_tail, rejected, stability, two_shares, variation

__all__ = ["compare"]

_REST = "\x00rest"
"""Stands for all the values that are not counted one by one; no text of a file holds it."""

_BINS = 10


def compare(
    reference: Mapping[str, Any], seen: Mapping[str, Seen], floors: Floors, *, level: float
) -> tuple[Finding, ...]:
    """Compare a window with the reference.

    Args:
        reference: the facts of a `mlops.formats.profile.Profile`.
        seen: the window's columns; predictions are named ``_answer_`` and their name.
        floors: from which size on a difference counts.
        level: probability of any false alarm in a window without drift.

    Returns:
        Every comparison, the largest for its floor first.
    """
    found: list[Finding] = []
    for facts in reference["columns"]:
        if facts["name"] in seen:
            found += _column(facts, seen[facts["name"]], floors, kind="drift")
    for facts in reference["predictions"]:
        there = seen.get(f"_answer_{facts['name']}")
        found += _distribution(facts, there, floors, kind="prediction") if there else []
    return tuple(sorted(_judged(found, level), key=lambda item: (-item.effect / item.floor, item.what)))


def _judged(found: Sequence[Finding], level: float) -> Iterator[Finding]:
    """Let those alarm that are large and beyond chance, all comparisons of the window taken together."""
    speaks = rejected([item.p for item in found], level)
    for item, spoken in zip(found, speaks, strict=True):
        yield replace(item, alarm=spoken and item.effect >= item.floor)


def _column(facts: Mapping[str, Any], seen: Seen, floors: Floors, *, kind: Kind) -> list[Finding]:
    found = _distribution(facts, seen, floors, kind=kind)
    found += _missing(facts, seen, floors)
    return found + _new(facts, seen, floors)


def _distribution(facts: Mapping[str, Any], seen: Seen, floors: Floors, *, kind: Kind) -> list[Finding]:
    if seen.rows == seen.missing or facts["rows"] == facts["missing"]:
        return []
    if facts["kind"] == "numeric" and "points" in facts:
        return [_numeric(facts, seen, floors, kind=kind)]
    return [_text(facts, seen, floors, kind=kind)] if facts["kind"] == "text" and seen.counts else []


def _numeric(facts: Mapping[str, Any], seen: Seen, floors: Floors, *, kind: Kind) -> Finding:
    before = np.asarray(facts["below"])
    now = seen.below(facts["points"])
    distance = float(np.abs(before - now).max())
    n, m = facts["rows"] - facts["missing"], seen.independent * (seen.rows - seen.missing)
    sentence = (
        f"{facts['name']}: mean {facts['mean']:.4g} → {seen.mean:.4g}, deviation {facts['std']:.4g} → {seen.std:.4g}; "
        f"distribution functions {distance:.2f} apart (KS), PSI {_psi(before, now):.2f}"
    )
    return Finding(kind, facts["name"], distance, floors.numeric, kolmogorov_tail(distance, n, m), False, sentence)


def _psi(before: Any, now: Any) -> float:
    """Stability index over ten bins of about equal share in the reference."""
    cuts = np.unique(np.searchsorted(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return stability(np.diff([0.0, *before[cuts], 1.0]), np.diff([0.0, *now[cuts], 1.0]))


def _text(facts: Mapping[str, Any], seen: Seen, floors: Floors, *, kind: Kind) -> Finding:
    before, now = _counts(facts), _same_keys(facts, seen)
    distance = variation(before, now)
    moved = _moved(before, now)
    sentence = f"{facts['name']}: {distance:.0%} of the rows have moved between values; most of all {moved}"
    p = homogeneity(before, {value: count * seen.independent for value, count in now.items()})
    return Finding(kind, facts["name"], distance, floors.category, p, False, sentence)


def _counts(facts: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = dict(facts["top"])
    rest = facts["rows"] - facts["missing"] - sum(counts.values())
    return counts | ({_REST: rest} if rest > 0 else {})


def _same_keys(facts: Mapping[str, Any], seen: Seen) -> dict[str, int]:
    """Count a window's values by the reference's, all others together."""
    known = {value for value, _ in facts["top"]}
    counts = {value: count for value, count in seen.counts.items() if value in known}
    rest = seen.rows - seen.missing - sum(counts.values())
    return counts | ({_REST: rest} if rest > 0 else {})


def _moved(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    n, m = sum(before.values()), sum(now.values())
    gap = {key: now.get(key, 0) / m - before.get(key, 0) / n for key in {*before, *now}}
    most = max(sorted(gap), key=lambda key: abs(gap[key]))
    name = "all the other values" if most == _REST else repr(most)
    return f"{name} ({before.get(most, 0) / n:.1%} → {now.get(most, 0) / m:.1%})"


def _missing(facts: Mapping[str, Any], seen: Seen, floors: Floors) -> list[Finding]:
    if not facts["rows"] or not seen.rows:
        return []
    before, now = facts["missing"] / facts["rows"], seen.missing / seen.rows
    share = seen.independent
    p = two_shares(facts["missing"], facts["rows"], share * seen.missing, share * seen.rows)
    sentence = f"{facts['name']}: missing in {now:.1%} of the rows, {before:.1%} before"
    return [Finding("missing", facts["name"], abs(now - before), floors.missing, p, False, sentence)]


def _new(facts: Mapping[str, Any], seen: Seen, floors: Floors) -> list[Finding]:
    """Find values that never occurred before; only where all of them were counted."""
    if facts["kind"] != "text" or not seen.counts or facts["distinct"] > len(facts["top"]):
        return []
    known = {value for value, _ in facts["top"]}
    fresh = {value: count for value, count in seen.counts.items() if value not in known}
    given = seen.rows - seen.missing
    share = sum(fresh.values()) / given
    names = ", ".join(sorted(fresh, key=lambda value: (-fresh[value], value))[:5])
    hits = seen.independent * sum(fresh.values())
    p = two_shares(0, facts["rows"], hits, seen.independent * given) if fresh else 1.0
    sentence = f"{facts['name']}: {share:.1%} of the rows have values never seen before: {names}"
    return [Finding("new", facts["name"], share, floors.new, p, False, sentence)] if fresh else []
