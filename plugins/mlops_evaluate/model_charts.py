"""Plots of what the model says of itself: importances and training curves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from mlops_evaluate.curves import thin
from mlops_evaluate.findings import Findings
from mlops_evaluate.panel import WIDTH, Panel, Scale
from mlops_evaluate.scored import Floats
from mlops_evaluate.svg import element, figure, percent, picture, shown, text

__all__ = ["model_charts"]

_BARS = 14
_ROW = 18.0
_LABEL = 140.0
_CURVE_CHARTS = 4
_PART = re.compile(r"^(train(?:ing)?|val(?:id(?:ation)?)?|test)[ ._/:-]+(.+)$")
_LOSS = re.compile("loss|error|rmse|mae|mse")


def model_charts(findings: Findings) -> Iterator[str]:
    """Draw the importances and each training curve, where the model has them."""
    known = {name: value for name, value in findings.facts.importances.items() if np.isfinite(value)}
    if any(value > 0 for value in known.values()):
        yield _importances(known)
    for name, curves in list(_grouped(findings.facts.history).items())[:_CURVE_CHARTS]:
        yield _curves(name, curves)


def _importances(importances: Mapping[str, float]) -> str:
    total = sum(value for value in importances.values() if value > 0)
    ranked = sorted(importances.items(), key=lambda item: -item[1])
    drawn = [(name, max(value, 0) / total) for name, value in ranked[:_BARS]]
    longest = drawn[0][1]
    body = picture(
        *(_bar(row, name, share, longest=longest) for row, (name, share) in enumerate(drawn)),
        size=(WIDTH, len(drawn) * _ROW + 8),
        label="Feature importances: " + ", ".join(f"{name} {percent(share)}" for name, share in drawn),
    )
    left = len(ranked) - len(drawn)
    note = "Share of the model's own measure." + (f" {left} lesser features left out." if left else "")
    return figure("Feature importances", body, note=note)


def _bar(row: int, name: str, share: float, *, longest: float) -> str:
    y = 4 + row * _ROW
    wide = (WIDTH - _LABEL - 48) * share / longest
    short = name if len(name) <= 22 else name[:21] + "…"  # noqa: PLR2004 - letters that fit before the bars
    said = element("title", text(f"{name}: {percent(share)}"))
    return (
        element("text", said, text(short), x=_LABEL - 6, y=y + 12, text_anchor="end")
        + element("rect", said, x=_LABEL, y=y + 2.5, width=max(wide, 0.5), height=_ROW - 5, class_="fill c1", rx=1.5)
        + element("text", percent(share), x=_LABEL + wide + 5, y=y + 12)
    )


def _grouped(history: Mapping[str, list[float]]) -> dict[str, dict[str, Floats]]:
    """Gather the curves of one measure on several parts: train_loss and validation_loss share a plot."""
    groups: dict[str, dict[str, Floats]] = {}
    for name, curve in history.items():
        match = _PART.match(name)
        part, measure = match.groups() if match else (name, name)
        values = np.array(curve, dtype=np.float64)
        if np.isfinite(values).any():
            groups.setdefault(measure, {})[part] = values
    return groups


def _curves(name: str, curves: Mapping[str, Floats]) -> str:
    values = np.concatenate(list(curves.values()))
    low, high = float(np.nanmin(values[np.isfinite(values)])), float(np.nanmax(values[np.isfinite(values)]))
    room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    rounds = max(curve.size for curve in curves.values())
    panel = Panel(Scale(1, max(rounds, 2)), Scale(low - room, high + room), "round", name)
    lines = [_line(panel, curve, css) for curve, css in zip(curves.values(), _colours(len(curves)), strict=True)]
    label = "; ".join(_told(name, part, curve) for part, curve in curves.items())
    body = panel.draw(*lines, label=f"Training curve of {name}: {label}")
    return figure(
        "Training",
        body,
        note=f"{label[0].upper()}{label[1:]}.",
        key=tuple(zip(_colours(len(curves)), curves, strict=True)),
    )


def _told(name: str, part: str, curve: Floats) -> str:
    """Say where a curve ends, and where a loss on held-out rows was lowest."""
    ends = f"{part} ends at {shown(float(curve[-1]))}"
    if not _LOSS.search(name) or part.startswith("train"):
        return ends
    best = int(np.nanargmin(curve))
    return f"{ends}, lowest {shown(float(curve[best]))} in round {best + 1}"


def _line(panel: Panel, curve: Floats, css: str) -> str:
    known = np.flatnonzero(np.isfinite(curve))
    x, y = thin((known + 1).astype(np.float64), curve[known])
    return panel.line(x, y, css) if x.size > 1 else panel.dots(x, y, css)


def _colours(curves: int) -> list[str]:
    return [f"c{1 + index % 3}" for index in range(curves)]
