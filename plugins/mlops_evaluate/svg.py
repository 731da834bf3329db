"""Markup built from escaped text: elements, paths and numbers as people read them."""

from __future__ import annotations

import html
import math

import numpy as np

from mlops_evaluate.scored import Floats

__all__ = ["closed", "count", "element", "figure", "path", "percent", "picture", "shown", "text"]


def text(value: object) -> str:
    """Escape text for an element or an attribute."""
    return html.escape(str(value), quote=True)


def element(name: str, *children: str, **attributes: object) -> str:
    """Write one element; children are markup already, attributes are escaped here.

    A trailing underscore is dropped from an attribute's name and others become hyphens;
    attributes that are None are left out.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{text(_plain(value))}"')
    opening = " ".join(parts)
    if not children and name not in _NEVER_EMPTY:
        return f"<{opening}/>"
    return f"<{opening}>{''.join(children)}</{name}>"


_ROUNDING = 1e-12
"""Below, a number is what rounding left of 0."""

_NEVER_EMPTY = frozenset({"i", "span", "td", "th", "ul", "div", "text"})


def path(x: Floats, y: Floats) -> str:
    """Join points in pixels, each (points,), by straight lines."""
    pairs = [f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return "M" + "L".join(pairs) if pairs else ""


def closed(x: Floats, y: Floats) -> str:
    """Join points in pixels to an outline that ends where it starts."""
    return path(x, y) + "Z" if x.size else ""


def picture(*body: str, size: tuple[float, float], label: str, css: str | None = None) -> str:
    """Draw a picture that a screen reader reads as one sentence."""
    width, height = size
    return element(
        "svg",
        *body,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        class_=css,
    )


def figure(title: str, *body: str, note: str = "", key: tuple[tuple[str, str], ...] = ()) -> str:
    """Frame a picture or a table with its title, a sentence and a key of colours.

    Args:
        title: what is drawn.
        body: markup.
        note: one sentence beneath the title.
        key: colour class → meaning.
    """
    items = [element("li", element("i", class_=css), text(meaning)) for css, meaning in key]
    caption = element(
        "figcaption",
        element("b", text(title)),
        element("span", text(note)) if note else "",
        element("ul", *items) if items else "",
    )
    return element("figure", caption, *body)


def shown(value: float | None) -> str:
    """Write a number as people read it: four digits that matter, thousands grouped."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value) if abs(value) > _ROUNDING else 0
    if size >= 1000:  # noqa: PLR2004 - from here on decimals say nothing
        written = f"{value:,.0f}"
    elif size >= 1:
        written = f"{value:.{3 - math.floor(math.log10(size))}f}"
    elif size >= 1e-3 or not size:  # noqa: PLR2004 - below, four decimals would hide the number
        written = f"{value:.4f}"
    else:
        written = f"{value:.2g}"
    return written.replace("-", "−") if size else "0"


def percent(share: float) -> str:
    """Write a share from 0 to 1 in percent."""
    if not math.isfinite(share):
        return "–"
    return f"{share:.0%}" if share in (0.0, 1.0) or share >= 0.1 else f"{share:.1%}"  # noqa: PLR2004


def count(value: float) -> str:
    """Write a number of rows, or a sum of weights."""
    return f"{value:,.0f}" if float(value).is_integer() or value >= 1000 else f"{value:,.1f}"  # noqa: PLR2004


def _plain(value: object) -> object:
    if isinstance(value, float | np.floating):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return value
