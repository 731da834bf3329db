"""Plots of a binary model on its test rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlops_evaluate.curves import Operating, calibration, operating, thin
from mlops_evaluate.findings import Findings
from mlops_evaluate.matrix import confusion_figure
from mlops_evaluate.measuring import Measured
from mlops_evaluate.panel import Panel, Scale, share_scale
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.svg import count, figure, percent, shown

__all__ = ["binary_charts", "calibration_chart"]

_BINS = 40
_RELIABLE_SHARE = 5e-4
"""Precision of fewer rows than this is noise and is not drawn over thresholds."""


def binary_charts(findings: Findings) -> Iterator[str]:
    """Draw ROC, precision and recall, calibration, scores, thresholds and confusion."""
    curve = operating(findings.test)
    threshold = findings.setting.threshold
    if curve is not None:
        yield _roc(curve, threshold, area=findings.metrics["test"].get("roc_auc"))
        yield _precision_recall(curve, threshold)
    yield calibration_chart(findings, binary=True)
    yield _scores(findings)
    if curve is not None:
        yield _thresholds(curve, threshold)
    yield confusion_figure(
        findings.matrix(),
        findings.classes,
        note=f"A score of {shown(threshold)} or more is called {findings.classes[-1]}; shares are of each row.",
    )


def _roc(curve: Operating, threshold: float, *, area: Measured | None) -> str:
    x, y = thin(np.append(0.0, curve.false_rate), np.append(0.0, curve.recall))
    panel = Panel(share_scale(), share_scale(), "false positive rate", "recall (true positive rate)")
    named = "recall against false alarms" if area is None else f"area {shown(area.value)}"
    ends = np.array([0.0, 1.0])
    marks = (panel.line(ends, ends, "rule"), panel.area(x, np.zeros_like(y), y, css="c1"), panel.line(x, y, "c1"))
    point = _point(panel, curve, threshold, x=curve.false_rate, y=curve.recall)
    body = panel.draw(*marks, point, label=f"ROC curve, {named}")
    return figure("ROC curve", body, note=f"{named[0].upper()}{named[1:]}; the dot is the threshold.")


def _precision_recall(curve: Operating, threshold: float) -> str:
    x, y = thin(curve.recall, curve.precision)
    rate = float(curve.precision[-1])
    panel = Panel(share_scale(), share_scale(), "recall", "precision")
    point = _point(panel, curve, threshold, x=curve.recall, y=curve.precision)
    body = panel.draw(
        panel.level(rate),
        panel.area(x, np.zeros_like(y), y, css="c1"),
        panel.line(x, y, "c1"),
        point,
        label=f"Precision over recall; precision falls to the base rate {percent(rate)} at full recall",
    )
    return figure("Precision and recall", body, note=f"Dashed: the base rate, {percent(rate)}.")


def _point(panel: Panel, curve: Operating, threshold: float, *, x: Floats, y: Floats) -> str:
    at = curve.at(threshold)
    if at < 0:
        return ""
    said = f"threshold {shown(threshold)}: precision {percent(curve.precision[at])}, recall {percent(curve.recall[at])}"
    return panel.dots(x[[at]], y[[at]], "c2", titles=[said], radius=5)


def calibration_chart(findings: Findings, *, binary: bool) -> str:
    """Draw promised against observed rates, with the rows behind each bin."""
    found = calibration(findings.test, binary=binary, confidence=findings.setting.confidence)
    axis = "promised probability" if binary else "confidence in the class that is named"
    panel = Panel(share_scale(), share_scale(), axis, "observed rate")
    ends = np.array([0.0, 1.0])
    height = found.weight / found.weight.sum()
    floor = Panel(panel.x, Scale(0.0, max(4 * float(height.max()), 1e-9)), "", "")
    rows = "".join(
        floor.bars(np.array([at - 0.025, at + 0.025]).clip(0, 1), np.array([share]), "c0")
        for at, share in zip(found.promised.tolist(), height.tolist(), strict=True)
    )
    titles = [
        f"promised {percent(p)}, observed {percent(o)}, {count(w)} rows"
        for p, o, w in zip(found.promised.tolist(), found.observed.tolist(), found.weight.tolist(), strict=True)
    ]
    body = panel.draw(
        rows,
        panel.line(ends, ends, "rule"),
        panel.whiskers(found.promised, found.low, found.high, css="c1 thin"),
        panel.line(found.promised, found.observed, "c1 thin"),
        panel.dots(found.promised, found.observed, "c1", titles=titles),
        label="Reliability diagram: " + "; ".join(titles),
    )
    share = f"{findings.setting.confidence:.0%}"
    note = f"On the dashed line promises hold. Whiskers: {share} interval; grey: share of the rows."
    return figure("Calibration", body, note=note)


def _scores(findings: Findings) -> str:
    scored = findings.test
    edges = np.linspace(0, 1, _BINS + 1)
    shares = [_class_shares(scored, index, edges) for index in (0, 1)]
    tallest = max(float(values.max()) for values in shares) or 1.0
    x = share_scale()
    panel = Panel(x, share_scale(tallest * 1.05), f"score for {findings.classes[-1]}", "share of the class's rows")
    bars = [panel.bars(edges, values, css) for values, css in zip(shares, ("c1", "c2"), strict=True)]
    body = panel.draw(
        *bars,
        panel.upright(findings.setting.threshold),
        label=f"Histogram of the scores of rows that are {findings.classes[0]} and {findings.classes[1]}",
    )
    key = (("c1", findings.classes[0]), ("c2", findings.classes[1]))
    return figure("Scores of each class", body, note="Dashed: the threshold.", key=key)


def _class_shares(scored: Scored, index: int, edges: Floats) -> Floats:
    chosen = scored.target == index
    heights, _ = np.histogram(scored.positive[chosen], edges, weights=scored.weight[chosen])
    total = heights.sum()
    return heights / total if total > 0 else heights


def _thresholds(curve: Operating, threshold: float) -> str:
    grid = np.linspace(0, 1, 101)
    at = np.searchsorted(-curve.thresholds, -grid, side="right") - 1
    kept = (at >= 0) & (curve.called[at] > _RELIABLE_SHARE)
    grid, at = grid[kept], at[kept]
    precision, recall = curve.precision[at], curve.recall[at]
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    panel = Panel(share_scale(), share_scale(), "threshold", "precision, recall, F1")
    body = panel.draw(
        panel.upright(threshold),
        panel.line(grid, precision, "c1"),
        panel.line(grid, recall, "c2"),
        panel.line(grid, f1, "c3"),
        label=f"Precision, recall and F1 over thresholds; the best F1 is {shown(float(f1.max(initial=0)))}",
    )
    key = (("c1", "precision"), ("c2", "recall"), ("c3", "F1"))
    return figure("What another threshold would do", body, note="Dashed: the threshold in use.", key=key)
