"""Whether a new version does worse than the one that leads: failures, slowness, other predictions.

Each rule leaves room for chance, so that looking often does not end a rollout that is as good as the other:
bounds are such that a single look is wrong about once in a million.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Seen", "total_variation", "verdict"]

_Z = 4.75
"""Standard deviations that chance exceeds about once in a million, on one side."""

_CHANCE = 1e-6
_BINS = 10
_FEWEST_FAILURES = 3
_BANDS = 200.0


@dataclass
class Seen:
    """What one version did since a step began."""

    count: int = 0
    """Predictions made."""

    errors: float = 0.0
    """Predictions that it failed to make."""

    milliseconds: list[float] = field(default_factory=list)
    labels: Counter[Any] = field(default_factory=Counter)
    values: list[float] = field(default_factory=list)
    """Scores of the last class, or predictions."""


def verdict(new: Seen, leading: Seen, terms: Mapping[str, Any], *, least: int) -> str:
    """Say why a version should go back, and by how much; empty when nothing speaks against it.

    Args:
        new: what the version that is tried did.
        leading: what the other did in the same time.
        terms: the keys of `strategies.Abort`.
        least: predictions of each that a comparison needs.
    """
    found = _failing(new, terms["error_rate"])
    if found or min(new.count, leading.count) < least:
        return found
    return _slower(new, leading, terms) or _other(new, leading, terms["distribution"])


def _failing(new: Seen, limit: float | None) -> str:
    asked = new.count + new.errors
    if limit is None or new.errors < _FEWEST_FAILURES:
        return ""
    rate = new.errors / asked
    if _wilson(rate, asked) <= limit:
        return ""
    return f"it failed {new.errors:.0f} of {asked:.0f} predictions ({rate:.1%}; at most {limit:.1%} may fail)"


def _wilson(rate: float, count: float) -> float:
    """Lower bound of a share (Wilson 1927)."""
    square = _Z * _Z / count
    spread = math.sqrt(rate * (1 - rate) / count + square / (4 * count)) * _Z
    return (rate + square / 2 - spread) / (1 + square)


def _slower(new: Seen, leading: Seen, terms: Mapping[str, Any]) -> str:
    if terms["latency"] is None:
        return ""
    ours, theirs = _tail(new.milliseconds, sign=-1), _tail(leading.milliseconds, sign=1)
    if ours <= terms["latency_floor_ms"] or ours <= terms["latency"] * theirs:
        return ""
    factor = ours / theirs if theirs else math.inf
    return (
        f"its slowest hundredth takes {ours:.1f} ms, the leading version's {theirs:.1f} ms "
        f"({factor:.1f} times; at most {terms['latency']:g})"
    )


def _tail(times: Sequence[float], *, sign: int) -> float:
    """Bound of the 99th percentile by order statistics: below (−1) or above (1) what chance allows.

    The number of values below the percentile is binomial; normal approximation of its spread.
    """
    ordered, count = sorted(times), len(times)
    place = 0.99 * count + sign * _Z * math.sqrt(0.99 * 0.01 * count)
    return ordered[min(count - 1, max(0, math.ceil(place) if sign > 0 else math.floor(place)))]


def _other(new: Seen, leading: Seen, limit: float | None) -> str:
    if limit is None:
        return ""
    distances = {"labels": _apart(new.labels, leading.labels)} if leading.labels else {}
    if leading.values and new.values:
        bounds = _bounds(leading.values)
        distances["scores" if leading.labels else "values"] = _apart(
            Counter(_bin(value, bounds) for value in new.values),
            Counter(_bin(value, bounds) for value in leading.values),
        )
    for what, (distance, chance) in distances.items():
        if distance - chance > limit:
            return (
                f"its predictions are others: the {what} of both versions are {distance:.2f} apart "
                f"(chance explains {chance:.2f}; at most {limit:g})"
            )
    return ""


def total_variation(one: Mapping[Any, int], other: Mapping[Any, int]) -> float:
    """Half the sum of differences between two sets of shares: 0 for equal ones, 1 for those without overlap."""
    ours, theirs = sum(one.values()), sum(other.values())
    return sum(abs(one.get(key, 0) / ours - other.get(key, 0) / theirs) for key in {*one, *other}) / 2


def _apart(one: Mapping[Any, int], other: Mapping[Any, int]) -> tuple[float, float]:
    """The distance, and how much of it chance explains.

    Its mean under equal shares is that of normal differences, and it strays from the mean by no more than
    McDiarmid's inequality (1989) says: one more prediction moves it by 1/n at most.
    """
    ours, theirs = sum(one.values()), sum(other.values())
    noise = 1 / ours + 1 / theirs
    pooled = [(one.get(key, 0) + other.get(key, 0)) / (ours + theirs) for key in {*one, *other}]
    mean = sum(math.sqrt(2 * share * (1 - share) * noise / math.pi) for share in pooled) / 2
    return total_variation(one, other), mean + math.sqrt(math.log(1 / _CHANCE) / 2 * noise)


def _bounds(values: Sequence[float]) -> list[tuple[float, float]]:
    """Bounds of ten bins that hold equal shares of the values, each as a narrow band.

    A band is a bin of its own, as one value may be frequent; it is a hundredth of the values' middle half wide
    (of their median when they are all alike), so that no difference is made of what is almost equal.
    """
    ordered, count = sorted(values), len(values)
    spread = ordered[count * 3 // 4] - ordered[count // 4] or abs(ordered[count // 2])
    band = spread / _BANDS
    found = sorted({ordered[count * place // _BINS] for place in range(1, _BINS)})
    return [(bound - band, bound + band) for bound in found]


def _bin(value: float, bounds: Sequence[tuple[float, float]]) -> int:
    return sum((value >= low) + (value > high) for low, high in bounds)
