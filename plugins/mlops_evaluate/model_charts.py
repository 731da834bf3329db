"""Plots of what the model says of itself: importances, and how it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mlops_evaluate.findings import Findings
from mlops_evaluate.panel import WIDTH
from mlops_evaluate.svg import element, figure, percent, picture, text
from mlops_evaluate.training_charts import training_charts

__all__ = ["model_charts"]

_BARS = 14
_ROW = 18.0
_LABEL = 140.0


def model_charts(findings: Findings) -> Iterator[str]:
    """Draw the importances and the training curves, where the model has them."""
    known = {name: value for name, value in findings.facts.importances.items() if np.isfinite(value)}
    if any(value > 0 for value in known.values()):
        yield _importances(known)
    yield from training_charts(findings.facts)


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
