"""A plot's frame: two scales, their ticks and labels, and marks placed by data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_evaluate.scored import Floats
from mlops_evaluate.svg import closed, element, path, picture, shown, text

__all__ = ["HEIGHT", "WIDTH", "Panel", "Scale", "share_scale", "ticks"]

WIDTH, HEIGHT = 360.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 68.0, 342.0, 8.0, 224.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def ticks(low: float, high: float, *, wanted: int = 5) -> list[float]:
    """Choose round numbers within a range, about as many as wanted."""
    if not high > low:
        return [low]
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _tick_text(value: float) -> str:
    """Write a round number in few letters: 2.5, 20,000, 4M."""
    size = abs(value)
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e5, "k")):
        if size >= unit:
            return f"{value / min(unit, 1e3 if letter == 'k' else unit):,.6g}{letter}".replace("-", "−")
    return shown(value) if 0 < size < 1e-4 else f"{value:,.6g}".replace("-", "−")  # noqa: PLR2004 - too many zeros


def _percent_text(share: float) -> str:
    return f"{share * 100:.4g}%"


@dataclass(frozen=True)
class Scale:
    """A range of data; its ends are the axis's ends."""

    low: float
    high: float
    write: Callable[[float], str] = _tick_text

    def place(self, values: Floats, *, start: float, end: float) -> Floats:
        """Turn data into pixels from ``start`` to ``end``."""
        span = self.high - self.low or 1.0
        placed: Floats = start + (values - self.low) / span * (end - start)
        return placed


def share_scale(high: float = 1.0) -> Scale:
    """Make a scale from 0 for shares, written in percent."""
    return Scale(0.0, high, _percent_text)


@dataclass(frozen=True)
class Panel:
    """A plot area with an x scale to the right and a y scale upwards."""

    x: Scale
    y: Scale
    x_label: str
    y_label: str

    def px(self, values: Floats | Sequence[float]) -> Floats:
        """Place x data in pixels."""
        return self.x.place(np.asarray(values, dtype=np.float64), start=_LEFT, end=_RIGHT)

    def py(self, values: Floats | Sequence[float]) -> Floats:
        """Place y data in pixels."""
        return self.y.place(np.asarray(values, dtype=np.float64), start=_BOTTOM, end=_TOP)

    def draw(self, *marks: str, label: str) -> str:
        """Draw the frame and the marks on it."""
        return picture(*self._frame(), *marks, size=(WIDTH, HEIGHT), label=label)

    def line(self, x: Floats, y: Floats, css: str) -> str:
        """Draw a line through data points."""
        return element("path", d=path(self.px(x), self.py(y)), class_=f"line {css}")

    def area(self, x: Floats, low: Floats, high: Floats, *, css: str) -> str:
        """Fill between two lines over the same x."""
        across = np.concatenate([self.px(x), self.px(x)[::-1]])
        outline = np.concatenate([self.py(high), self.py(low)[::-1]])
        return element("path", d=closed(across, outline), class_=f"area {css}")

    def bars(self, edges: Floats, heights: Floats, css: str) -> str:
        """Fill a histogram: edges (bins + 1,), heights (bins,)."""
        x = np.repeat(edges, 2)
        y = np.concatenate([[self.y.low], np.repeat(heights, 2), [self.y.low]])
        return element("path", d=closed(self.px(x), self.py(y)), class_=f"bars {css}")

    def dots(self, x: Floats, y: Floats, css: str, *, titles: Sequence[str] = (), radius: float = 4) -> str:
        """Draw a dot a point, with what it says when pointed at."""
        placed = zip(self.px(x).tolist(), self.py(y).tolist(), strict=True)
        said = [element("title", text(title)) for title in titles] or [""] * len(x)
        return "".join(
            element("circle", title, cx=a, cy=b, r=radius, class_=f"dot {css}")
            for (a, b), title in zip(placed, said, strict=True)
        )

    def points(self, x: Floats, y: Floats) -> str:
        """Draw many small dots as one path."""
        placed = zip(self.px(x).tolist(), self.py(y).tolist(), strict=True)
        return element("path", d="".join(f"M{a:.1f} {b:.1f}h0" for a, b in placed), class_="points")

    def whiskers(self, x: Floats, low: Floats, high: Floats, *, css: str) -> str:
        """Draw a vertical line from low to high at each x."""
        ends = zip(self.px(x).tolist(), self.py(low).tolist(), self.py(high).tolist(), strict=True)
        d = "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in ends)
        return element("path", d=d, class_=f"line {css}")

    def upright(self, value: float, css: str = "rule") -> str:
        """Draw a vertical line at x over the whole height."""
        at = self.px([value])[0]
        return element("path", d=f"M{at:.1f} {_TOP:g}V{_BOTTOM:g}", class_=f"line {css}")

    def level(self, value: float, css: str = "rule") -> str:
        """Draw a horizontal line at y over the whole width."""
        at = self.py([value])[0]
        return element("path", d=f"M{_LEFT:g} {at:.1f}H{_RIGHT:g}", class_=f"line {css}")

    def _frame(self) -> list[str]:
        x_at, y_at = ticks(self.x.low, self.x.high), ticks(self.y.low, self.y.high)
        grid = [f"M{_LEFT:g} {p:.1f}H{_RIGHT:g}" for p in self.py(y_at)]
        grid += [f"M{p:.1f} {_TOP:g}V{_BOTTOM:g}" for p in self.px(x_at)]
        below = [
            element("text", text(self.x.write(v)), x=p, y=_BOTTOM + 16, text_anchor="middle")
            for v, p in zip(x_at, self.px(x_at).tolist(), strict=True)
        ]
        beside = [
            element("text", text(self.y.write(v)), x=_LEFT - 6, y=p + 4, text_anchor="end")
            for v, p in zip(y_at, self.py(y_at).tolist(), strict=True)
        ]
        middle = (_TOP + _BOTTOM) / 2
        return [
            element("path", d="".join(grid), class_="grid"),
            *below,
            *beside,
            element("text", text(self.x_label), x=(_LEFT + _RIGHT) / 2, y=HEIGHT - 10, class_="axis"),
            element(
                "text", text(self.y_label), x=0, y=0, class_="axis", transform=f"translate(11 {middle:g})rotate(-90)"
            ),
        ]
