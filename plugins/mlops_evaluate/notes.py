"""What a careful reader should know before trusting the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from mlops_evaluate.catalogue import METRICS, Direction
from mlops_evaluate.findings import Findings
from mlops_evaluate.measuring import Measured
from mlops_evaluate.svg import percent, shown

__all__ = ["beside_baseline", "notes"]

_FEW_ROWS = 100
_DOMINANT = 0.5


def notes(findings: Findings) -> Iterator[str]:
    """Say what is doubtful, each in a sentence or two of plain text."""
    test = findings.metrics["test"]
    yield from _against_baseline(findings)
    if findings.test.rows < _FEW_ROWS:
        yield f"There are only {findings.test.rows} test rows; the intervals are rough."
    yield from _moved(findings)
    if findings.threshold is not None and findings.threshold.origin != "given":
        yield "The threshold was chosen on validation, so metrics of labels there look better than they are."
    yield from _dominant(findings)
    for name, found in test.items():
        if found.value is None:
            yield f"{METRICS[name].title} is undefined on the test rows: {found.reason}."


def beside_baseline(found: Measured, better: Direction) -> Literal["better", "worse", "near", "unknown"]:
    """Say on which side of the baseline the whole interval lies."""
    if found.low is None or found.high is None or found.baseline is None or better not in ("higher", "lower"):
        return "unknown"
    above, below = found.low > found.baseline, found.high < found.baseline
    if not above and not below:
        return "near"
    return "better" if above == (better == "higher") else "worse"


def _against_baseline(findings: Findings) -> Iterator[str]:
    """Name the metrics in which the same answer for every row is as good, or better."""
    sides = {name: beside_baseline(f, METRICS[name].better) for name, f in findings.metrics["test"].items()}
    if sides[findings.headline] == "near":
        title = METRICS[findings.headline].title
        yield f"{title} is not clearly better than the same answer for every row: its interval holds the baseline."
    worse = [METRICS[name].title for name, side in sides.items() if side == "worse"]
    if worse:
        yield f"Worse than the same answer for every row: {', '.join(worse)}."


def _moved(findings: Findings) -> Iterator[str]:
    """Compare the headline on validation and on test."""
    if "validation" not in findings.metrics:
        return
    test, other = (findings.metrics[part][findings.headline] for part in ("test", "validation"))
    if _apart(test, other):
        yield (
            f"{METRICS[findings.headline].title} is {shown(other.value)} on validation and {shown(test.value)} on test,"
            " and the intervals do not meet: the parts differ, or choices were fitted to validation."
        )


def _apart(one: Measured, other: Measured) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def _dominant(findings: Findings) -> Iterator[str]:
    known = findings.facts.importances
    total = sum(value for value in known.values() if np.isfinite(value) and value > 0)
    if total <= 0 or len(known) < 2:  # noqa: PLR2004 - one feature always brings everything
        return
    name, value = max(known.items(), key=lambda item: item[1] if np.isfinite(item[1]) else 0)
    if value / total > _DOMINANT:
        yield f"{name} alone brings {percent(value / total)} of the importance: check that it is known when predicting."
