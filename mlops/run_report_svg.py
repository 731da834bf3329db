"""A run's two drawings: its stages as a graph, and when each of them ran."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from mlops.run_report_layout import Edge, Layout, Way, layout
from mlops.text import duration, size

__all__ = ["ACTIONS", "graph", "started_at", "timeline"]

ACTIONS = ("run", "reuse", "failed", "skipped")
"""Words that have a colour; any other is drawn like a skipped stage."""

_MOST_STAGES = 60
"""More stages than this make no readable graph."""

_BOX = (132.0, 42.0)
_WIDTH, _ROW, _NAMES, _TOP = 560.0, 26.0, 120.0, 8.0
_LETTER = 7.2
"""Width of a letter, rather more than less."""

_STEPS = (1.0, 2.0, 5.0, 10.0)


def graph(steps: Sequence[Mapping[str, Any]]) -> str:
    """Draw which stage reads what from which; empty when there are too many to read."""
    if not steps or len(steps) > _MOST_STAGES:
        return ""
    found = layout([str(step["stage"]) for step in steps], _edges(steps))
    body = [_way(edge, way) for edge, way in found.ways.items()]
    body += [_box(step, found) for step in steps]
    body += [_label(edge, way) for edge, way in found.ways.items()]
    said = "; ".join(f"{step['stage']} ({step.get('action', '')})" for step in steps)
    return _picture(body, (found.width, found.height), label=f"Stages from top to bottom: {said}")


def timeline(steps: Sequence[Mapping[str, Any]], *, started: datetime | None) -> str:
    """Draw when each stage ran, from the start of the run."""
    begins = [began for step in steps if (began := started_at(step))]
    if started is None or not begins:
        return ""
    zero = min(started, *begins)
    ends = [(began - zero).total_seconds() + _seconds(step) for step in steps if (began := started_at(step))]
    end = max(*ends, 0.001) if len(ends) > 1 else max(ends[0], 0.001)
    bottom = _TOP + len(steps) * _ROW
    body = [_scale(end, bottom)]
    body += [_bar(row, step, zero=zero, end=end) for row, step in enumerate(steps)]
    said = "; ".join(f"{step['stage']} {duration(_seconds(step))}" for step in steps)
    return _picture(body, (_WIDTH, bottom + 24), label=f"Timeline: {said}")


def started_at(facts: Mapping[str, Any], key: str = "started") -> datetime | None:
    """Read an ISO time; None when there is none, or one without a zone."""
    try:
        moment = datetime.fromisoformat(str(facts.get(key)))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _edges(steps: Sequence[Mapping[str, Any]]) -> list[Edge]:
    """Join what one stage reads from another into one edge, named by the formats."""
    formats = {
        f"{step['stage']}.{name}": str(made.get("format", name))
        for step in steps
        for name, made in (step.get("outputs") or {}).items()
    }
    labels: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        for source in (step.get("inputs") or {}).values():
            stage, _, output = str(source).rpartition(".")
            labels.setdefault((stage, str(step["stage"])), []).append(formats.get(str(source), output))
    return [Edge(*pair, ", ".join(dict.fromkeys(names))) for pair, names in labels.items()]


def _box(step: Mapping[str, Any], found: Layout) -> str:
    name, action = str(step["stage"]), _action(step)
    x, y = found.stages[name]
    wide, high = _BOX
    rect = f'x="{x - wide / 2:.1f}" y="{y - high / 2:.1f}" width="{wide:g}" height="{high:g}" rx="8"'
    told = action if action != "run" else f"run · {duration(_seconds(step))}"
    why = "; ".join(map(str, step.get("reasons") or ()))
    return (
        f"<g><title>{_text(f'{name}: {action}; {why}')}</title>"
        f'<rect {rect} class="box {action}"/><rect {rect} class="wash {action}"/>'
        f'<text x="{x:.1f}" y="{y - 2:.1f}" class="name" text-anchor="middle">{_text(_short(name, 18))}</text>'
        f'<text x="{x:.1f}" y="{y + 13:.1f}" font-size="11" text-anchor="middle">{_text(told)}</text></g>'
    )


def _way(edge: Edge, way: Way) -> str:
    """Draw an edge from below one box to above the other, upright where it bends."""
    half = _BOX[1] / 2
    points = [(way[0][0], way[0][1] + half), *way[1:-1], (way[-1][0], way[-1][1] - half - 5)]
    d = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        d += f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
    x, y = points[-1]
    said = f"{edge.source} → {edge.target}: {edge.label}"
    return (
        f'<path d="{d}" class="edge"><title>{_text(said)}</title></path>'
        f'<path d="M{x - 4:.1f} {y - 1:.1f}h8l-4 6z" class="tip"/>'
    )


def _label(edge: Edge, way: Way) -> str:
    """Name an edge where it comes in, so that the edges of one source have parted."""
    (x, y), (to_x, to_y) = way[-2], way[-1]
    at_x, at_y = (x + to_x) / 2, (y + to_y) / 2
    return f'<text x="{at_x:.1f}" y="{at_y + 4:.1f}" class="label">{_text(_short(edge.label, 26))}</text>'


def _scale(end: float, bottom: float) -> str:
    drawn = []
    for moment in _ticks(end):
        x = _place(moment, end)
        drawn.append(f'<path d="M{x:.1f} {_TOP:g}V{bottom:.1f}" class="grid"/>')
        drawn.append(f'<text x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{_text(_moment(moment))}</text>')
    return "".join(drawn)


def _ticks(end: float) -> Iterator[float]:
    rough = end / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough)
    for index in range(int(end / step + 1e-9) + 1):
        yield index * step


def _moment(seconds: float) -> str:
    """Write a tick: 0, 20 ms, 1.5 s, 3 min."""
    if not seconds:
        return "0"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} min"  # noqa: PLR2004 - two minutes


def _bar(row: int, step: Mapping[str, Any], *, zero: datetime, end: float) -> str:
    name, action = str(step["stage"]), _action(step)
    y = _TOP + row * _ROW
    label = f'<text x="{_NAMES - 8:g}" y="{y + 17:.1f}" class="name" text-anchor="end">{_text(_short(name, 16))}</text>'
    began = started_at(step)
    if began is None or action in ("reuse", "skipped"):
        word = "reused" if action == "reuse" else action
        return f'{label}<text x="{_NAMES + 4:g}" y="{y + 17:.1f}">{_text(word)}</text>'
    start = _place((began - zero).total_seconds(), end)
    wide = max(_place((began - zero).total_seconds() + _seconds(step), end) - start, 2.0)
    told = duration(_seconds(step)) + (f" · {size(step['peak_memory'])}" if step.get("peak_memory") else "")
    at, place = _beside(start, wide, letters=len(told))
    return (
        f"{label}<g><title>{_text(f'{name}: {told}')}</title>"
        f'<rect x="{start:.1f}" y="{y + 5:.1f}" width="{wide:.1f}" height="{_ROW - 10:g}" rx="3" class="bar {action}"/>'
        f'<text x="{at:.1f}" y="{y + 17:.1f}" {place}>{_text(told)}</text></g>'
    )


def _beside(start: float, wide: float, *, letters: int) -> tuple[float, str]:
    """Find room for a bar's text: after it, else in it, else before it."""
    long = _LETTER * letters
    if start + wide + long < _WIDTH:
        return start + wide + 6, 'text-anchor="start"'
    return (start + 8, 'class="inside"') if wide > long + 16 else (start - 6, 'text-anchor="end"')


def _place(seconds: float, end: float) -> float:
    return _NAMES + seconds / end * (_WIDTH - _NAMES - 12)


def _seconds(step: Mapping[str, Any]) -> float:
    given = step.get("seconds")
    return max(float(given), 0.0) if isinstance(given, int | float) and math.isfinite(given) else 0.0


def _action(step: Mapping[str, Any]) -> str:
    action = str(step.get("action", ""))
    return action if action in ACTIONS else "skipped"


def _picture(body: Sequence[str], extent: tuple[float, float], *, label: str) -> str:
    width, height = extent
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" aria-label="{_text(label)}">'
        f"{''.join(body)}</svg>"
    )


def _short(name: str, letters: int) -> str:
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
