"""A confusion matrix drawn as a field of shades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlops_evaluate.scored import Floats
from mlops_evaluate.svg import count, element, figure, percent, picture, text

__all__ = ["confusion_figure"]

_LEFT, _TOP, _SIDE = 86.0, 26.0, 270.0
_MOST = 40
_WRITTEN = 12
"""Up to so many classes have room for numbers."""

_DARK = 0.55


def confusion_figure(matrix: Floats, names: Sequence[str], *, note: str) -> str:
    """Draw a matrix whose rows are what happened; shades are shares of a row.

    Args:
        matrix: weight of each pair, (classes, classes).
        names: of the classes.
        note: one sentence beneath the title.
    """
    if len(names) > _MOST:
        kept = np.sort(np.argsort(-matrix.sum(axis=1), kind="stable")[:_MOST])
        note += f" Shown are the {_MOST} most frequent of {len(names)} classes."
        matrix, names = matrix[np.ix_(kept, kept)], [names[index] for index in kept.tolist()]
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > 0)
    cells = "".join(
        _cell((row, column), shares[row, column], matrix[row, column], names=names)
        for row in range(len(names))
        for column in range(len(names))
        if matrix[row, column] > 0 or len(names) <= _WRITTEN
    )
    right = percent(float(np.trace(matrix) / matrix.sum()))
    body = picture(
        *_captions(names),
        cells,
        element("rect", x=_LEFT, y=_TOP, width=_SIDE, height=_SIDE, class_="edge"),
        size=(_LEFT + _SIDE + 4, _TOP + _SIDE + 22),
        label=f"Confusion matrix of {len(names)} classes; {right} of the rows lie on the diagonal",
    )
    return figure("Confusion matrix", body, note=note)


def _cell(at: tuple[int, int], share: float, weight: float, *, names: Sequence[str]) -> str:
    size = _SIDE / len(names)
    row, column = at
    x, y = _LEFT + column * size, _TOP + row * size
    said = f"{names[row]} called {names[column]}: {count(weight)} ({percent(share)} of {names[row]})"
    box = element(
        "rect",
        element("title", text(said)),
        x=x,
        y=y,
        width=size,
        height=size,
        class_="cell right" if row == column else "cell wrong",
        fill_opacity=share,
    )
    if len(names) > _WRITTEN:
        return box
    css = "on" if share > _DARK else "in"
    middle = {"x": x + size / 2, "text_anchor": "middle", "class_": css}
    lines = [element("text", percent(share), y=y + size / 2 + 1, font_size=min(18.0, size / 3), **middle)]
    if size >= 44:  # noqa: PLR2004 - two lines need this many pixels
        lines.append(element("text", count(weight), y=y + size / 2 + 16, font_size=11, **middle))
    return box + "".join(lines)


def _captions(names: Sequence[str]) -> list[str]:
    size = _SIDE / len(names)
    step = 1 + len(names) // 24
    drawn = [
        element("text", "said by the model →", x=_LEFT + _SIDE / 2, y=_TOP + _SIDE + 17, class_="axis"),
        element("text", "what happened ↓", x=0, y=14),
    ]
    letters = max(2, int(size / 6.8))
    for index in range(0, len(names), step):
        name = names[index]
        at = (index + 0.5) * size
        above = element("title", text(name)) + text(_short(name, letters))
        beside = element("title", text(name)) + text(_short(name, 12))
        drawn.append(element("text", above, x=_LEFT + at, y=_TOP - 8, text_anchor="middle"))
        drawn.append(element("text", beside, x=_LEFT - 6, y=_TOP + at + 4, text_anchor="end"))
    return drawn


def _short(name: str, letters: int) -> str:
    return name if len(name) <= letters else name[: letters - 1] + "…"
