"""Many points as hexagons: the more points, the darker."""

from __future__ import annotations

import numpy as np

from mlops_evaluate.panel import Panel
from mlops_evaluate.scored import Floats
from mlops_evaluate.svg import element

__all__ = ["cloud"]

_SIDE = 5.0
"""Half the width of a hexagon in pixels."""

_LEVELS = 8
_FEW = 600
"""Up to so many points are drawn one by one."""


def cloud(panel: Panel, x: Floats, y: Floats, weight: Floats) -> str:
    """Draw points within the panel, one by one or as hexagons in levels of weight.

    Args:
        panel: where to draw; points outside its scales are left out.
        x: data, (rows,).
        y: data, (rows,).
        weight: of each point, (rows,).
    """
    inside = (x >= panel.x.low) & (x <= panel.x.high) & (y >= panel.y.low) & (y <= panel.y.high)
    x, y = x[inside], y[inside]
    if x.size <= _FEW:
        return panel.points(x, y)
    column, row = _cells(panel.px(x), panel.py(y))
    cells, member = np.unique(np.column_stack([column, row]), axis=0, return_inverse=True)
    return _levels(cells, np.bincount(member.ravel(), weights=weight[inside]).astype(np.float64))


def _cells(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Find the nearest centre of two interleaved rectangular grids (Carr et al. 1987).

    Returns:
        Centres in pixels, each (points,).
    """
    wide, high = 2 * _SIDE, 2 * _SIDE * np.sqrt(3)
    even = np.round(x / wide) * wide, np.round(y / high) * high
    odd = (np.floor(x / wide) + 0.5) * wide, (np.floor(y / high) + 0.5) * high
    nearer = (x - even[0]) ** 2 + (y - even[1]) ** 2 <= (x - odd[0]) ** 2 + (y - odd[1]) ** 2
    return np.where(nearer, even[0], odd[0]), np.where(nearer, even[1], odd[1])


def _levels(cells: Floats, totals: Floats) -> str:
    size = np.log1p(totals)
    level = np.minimum((size / size.max() * _LEVELS).astype(np.int64), _LEVELS - 1)
    reach = _SIDE * 2 / np.sqrt(3)
    shape = (
        f"l{_SIDE:g} {reach / 2:.2f}v{reach:.2f}l-{_SIDE:g} {reach / 2:.2f}l-{_SIDE:g} -{reach / 2:.2f}v-{reach:.2f}z"
    )
    drawn = []
    for step in range(_LEVELS):
        corners = "".join(f"M{x:.1f} {y - reach:.1f}{shape}" for x, y in cells[level == step].tolist())
        if corners:
            drawn.append(element("path", d=corners, class_="hex", fill_opacity=(step + 1) / _LEVELS))
    return "".join(drawn)
