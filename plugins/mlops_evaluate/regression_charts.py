"""Plots of a regression model on its test rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlops_evaluate.curves import normal_quantiles, weighted_quantiles
from mlops_evaluate.density import cloud
from mlops_evaluate.findings import Findings
from mlops_evaluate.panel import Panel, Scale, share_scale
from mlops_evaluate.scored import Floats, Scored
from mlops_evaluate.svg import count, figure, shown

__all__ = ["regression_charts"]

_CUT = 0.001
"""Share of rows at either end that may lie outside a plot, so that a few do not crush the rest."""

_BINS = 50
_BANDS = 20


def regression_charts(findings: Findings) -> Iterator[str]:
    """Draw predicted against actual, residuals, their histogram and their quantiles."""
    test = findings.test
    residual = test.positive - test.target
    target = findings.facts.target
    yield _predicted_actual(test, target)
    yield _residuals(test, residual, target)
    yield _histogram(test, residual, target)
    yield _quantiles(test, residual)


def _scale(*columns: Floats, middle: bool = False) -> Scale:
    """Span nearly all of the values; symmetric about 0 when ``middle`` is."""
    values = np.concatenate(columns)
    low, high = (float(end) for end in np.quantile(values, [_CUT, 1 - _CUT]))
    if middle:
        low, high = min(low, -high), max(high, -low)
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room)


def _outside(panel: Panel, x: Floats, y: Floats) -> str:
    out = (x < panel.x.low) | (x > panel.x.high) | (y < panel.y.low) | (y > panel.y.high)
    rows = int(np.count_nonzero(out))
    return f" {count(rows)} {'row lies' if rows == 1 else 'rows lie'} outside." if rows else ""


def _predicted_actual(test: Scored, target: str) -> str:
    scale = _scale(test.positive, test.target)
    panel = Panel(scale, scale, f"predicted {target}", f"actual {target}")
    ends = np.array([scale.low, scale.high])
    middle = _bands(test.positive, test.target, test.weight)
    body = panel.draw(
        cloud(panel, test.positive, test.target, test.weight),
        panel.line(ends, ends, "rule"),
        panel.line(*_within(panel, middle[0], middle[2]), "c2"),
        label=f"Actual {target} over predicted {target}, with the median of each twentieth of the rows",
    )
    note = f"Dashed: perfect. Orange: the median actual value.{_outside(panel, test.positive, test.target)}"
    return figure("Predicted and actual", body, note=note)


def _residuals(test: Scored, residual: Floats, target: str) -> str:
    panel = Panel(_scale(test.positive), _scale(residual, middle=True), f"predicted {target}", "predicted − actual")
    x, low, middle, high = _bands(test.positive, residual, test.weight)
    kept = (x >= panel.x.low) & (x <= panel.x.high)
    low, high = (values.clip(panel.y.low, panel.y.high) for values in (low, high))
    body = panel.draw(
        cloud(panel, test.positive, residual, test.weight),
        panel.level(0.0),
        panel.line(x[kept], middle[kept], "c2"),
        panel.line(x[kept], low[kept], "c2 thin"),
        panel.line(x[kept], high[kept], "c2 thin"),
        label=f"Residuals over predicted {target}, with the median and the middle 80 %",
    )
    note = f"Orange: the median and the middle 80 %.{_outside(panel, test.positive, residual)}"
    return figure("Residuals", body, note=note)


def _bands(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Cut rows into equally many by x.

    Returns:
        Median x and the 10, 50 and 90 % quantiles of y in each band, each (bands,).
    """
    order = np.argsort(x, kind="stable")
    bands = [rows for rows in np.array_split(order, min(_BANDS, max(1, x.size // 5))) if weight[rows].sum() > 0]
    centre = [float(weighted_quantiles(x[rows], weight[rows], np.array([0.5]))[0]) for rows in bands]
    spread = [weighted_quantiles(y[rows], weight[rows], np.array([0.1, 0.5, 0.9])) for rows in bands]
    low, middle, high = np.array(spread).T
    return np.array(centre), low, middle, high


def _within(panel: Panel, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    kept = (x >= panel.x.low) & (x <= panel.x.high) & (y >= panel.y.low) & (y <= panel.y.high)
    return x[kept], y[kept]


def _histogram(test: Scored, residual: Floats, target: str) -> str:
    scale = _scale(residual, middle=True)
    edges = np.linspace(scale.low, scale.high, _BINS + 1)
    shares = np.histogram(residual, edges, weights=test.weight)[0] / test.weight.sum()
    mean = float(np.sum(residual * test.weight) / test.weight.sum())
    panel = Panel(
        scale, share_scale(float(shares.max()) * 1.05 or 1.0), f"predicted − actual {target}", "share of the rows"
    )
    body = panel.draw(
        panel.bars(edges, shares, "c1"),
        panel.upright(0.0),
        panel.upright(mean, "c2"),
        label=f"Histogram of the residuals; their mean is {shown(mean)}",
    )
    return figure("Distribution of residuals", body, note=f"Orange: the mean, {shown(mean)}.")


def _quantiles(test: Scored, residual: Floats) -> str:
    """Compare the residuals' quantiles with a normal distribution's of the same middle and spread."""
    points = min(100, max(2, residual.size))
    shares = (np.arange(points) + 0.5) / points
    expected, observed = normal_quantiles(shares), weighted_quantiles(residual, test.weight, shares)
    low, middle, high = weighted_quantiles(residual, test.weight, np.array([0.25, 0.5, 0.75]))
    spread = (high - low) / float(normal_quantiles(np.array([0.75]))[0]) / 2
    panel = Panel(
        _padded(expected), _padded(observed), "quantile of a normal distribution", "quantile of the residuals"
    )
    ends = np.array([panel.x.low, panel.x.high])
    straight = (np.array([panel.y.low, panel.y.high]) - middle) / spread if spread > 0 else ends
    ends = np.array([max(ends[0], straight[0]), min(ends[1], straight[1])])
    body = panel.draw(
        panel.line(ends, middle + spread * ends, "rule"),
        panel.points(expected, observed),
        label="Quantiles of the residuals over those of a normal distribution",
    )
    return figure("Tails of the residuals", body, note="Off the dashed line at the ends: tails heavier than normal.")


def _padded(values: Floats) -> Scale:
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room)
