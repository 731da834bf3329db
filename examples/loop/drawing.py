"""The timeline: the error of what was served beside that of the first model, with all that happened below."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from months import Kind, Month

__all__ = ["draw", "losses"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP = 960.0, 430.0, 120.0, 110.0, 24.0
_FLOOR = 250.0
"""Where the chart ends and the marks begin."""

_LANE = 30.0
_LANES: tuple[tuple[Kind, str], ...] = (
    ("fault", "upstream fault"),
    ("alarm", "alarms"),
    ("retrained", "retraining"),
    ("serves", "new version"),
    ("refused", "bad model"),
)
_STYLE = """
:root{color-scheme:light dark;--ink:#18212c;--soft:#5a6675;--line:#dfe3e8;--card:#fff;--wash:#f4f6f8;--blue:#2563c9;
--red:#c2410c;--green:#15803d;--amber:#b45309;--violet:#7c3aed}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--line:#2b333e;--card:#151b23;--wash:#0e1319;
--blue:#6fa5f7;--red:#f5954a;--green:#4ade80;--amber:#fbbf24;--violet:#a78bfa}}
body{margin:0 auto;max-width:1020px;padding:24px;background:var(--wash);color:var(--ink);
font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:22px;margin:0}p{color:var(--soft);margin:4px 0 16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px;overflow-x:auto}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:12px}svg .strong{fill:var(--ink)}
table{border-collapse:collapse;margin-top:18px;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:6px 10px;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
thead th{border:0;color:var(--soft);font-weight:500}
"""
_COLOURS: dict[Kind, str] = {
    "fault": "var(--amber)",
    "alarm": "var(--red)",
    "retrained": "var(--blue)",
    "serves": "var(--green)",
    "refused": "var(--violet)",
}


def losses(months: Sequence[Month]) -> tuple[float, float]:
    """Give the log loss of all answers, and that of the first model on the same rows."""
    rows = sum(month.rows for month in months) or 1
    served = sum(month.rows * month.loss for month in months) / rows
    return served, sum(month.rows * month.frozen for month in months) / rows


def draw(months: Sequence[Month], path: Path) -> Path:
    """Print the timeline and write it as a page."""
    print("\nmonth  version  log loss  never retrained  what happened")
    for month in months:
        print(f"{month.number:>5}  {month.served:>7}  {month.loss:8.4f}  {month.frozen:15.4f}  {month.words or '–'}")
    served, frozen = losses(months)
    said = (
        f"log loss of all {sum(month.rows for month in months):,} answers: {served:.4f}, never retrained {frozen:.4f}"
    )
    print(f"\n{said}")
    title = "The loop: served beside never retrained"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    body = f"<h1>{title}</h1><p>{said}</p><div class=card>{_chart(months)}{_table(months)}</div>"
    path.write_text(f"{head}<body>{body}</body></html>\n", encoding="utf-8")
    return path


def _chart(months: Sequence[Month]) -> str:
    values = [value for month in months for value in (month.loss, month.frozen)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = 0.08 * ((high - low) or 1.0)
    scale = (low - pad, high + pad)
    parts = [*_grid(scale), *_columns(months), *_lanes(months)]
    served, frozen = [month.loss for month in months], [month.frozen for month in months]
    parts += [*_line(frozen, scale, "var(--red)"), *_line(served, scale, "var(--blue)")]
    upper = served[-1] > frozen[-1]
    parts += [_name("never retrained", frozen, scale, not upper), _name("served", served, scale, upper)]
    return f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="log loss a month">{"".join(parts)}</svg>'


def _x(index: int, count: int) -> float:
    return _LEFT + 30 + index * (_WIDTH - _LEFT - _RIGHT - 60) / max(1, count - 1)


def _y(value: float, scale: tuple[float, float]) -> float:
    return _FLOOR - (value - scale[0]) / (scale[1] - scale[0]) * (_FLOOR - _TOP)


def _grid(scale: tuple[float, float]) -> Iterator[str]:
    for step in range(5):
        value = scale[0] + (scale[1] - scale[0]) * step / 4
        y = _y(value, scale)
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="var(--line)"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.3f}</text>'
    yield f'<text x="{_LEFT - 8}" y="14" text-anchor="end">log loss</text>'


def _columns(months: Sequence[Month]) -> Iterator[str]:
    for index, month in enumerate(months):
        x = _x(index, len(months))
        yield f'<text class="strong" x="{x:.1f}" y="{_FLOOR + 20}" text-anchor="middle">{month.number}</text>'


def _line(values: Sequence[float], scale: tuple[float, float], colour: str) -> Iterator[str]:
    points = [(_x(index, len(values)), _y(value, scale)) for index, value in enumerate(values)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for (x, y), value in zip(points, values, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{value:.4f}</title></circle>'


def _name(text: str, values: Sequence[float], scale: tuple[float, float], above: bool) -> str:  # noqa: FBT001 - where it goes
    """Write a line's name at its end, clear of the other's."""
    x, y = _x(len(values) - 1, len(values)), _y(values[-1], scale)
    colour = "var(--blue)" if text == "served" else "var(--red)"
    return f'<text x="{x + 10:.1f}" y="{y + (-4 if above else 14):.1f}" style="fill:{colour}">{text}</text>'


def _lanes(months: Sequence[Month]) -> Iterator[str]:
    for row, (kind, name) in enumerate(_LANES):
        y = _FLOOR + 46 + row * _LANE
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="var(--line)" stroke-dasharray="2 4"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
        for index, month in enumerate(months):
            found = [event for event in month.events if event.kind == kind]
            if found:
                x, said = _x(index, len(months)), html.escape("; ".join(event.text for event in found))
                dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{_COLOURS[kind]}"><title>{said}</title></circle>'
                yield f'{dot}<text x="{x + 10:.1f}" y="{y + 4:.1f}">{html.escape(found[-1].short)}</text>'


def _table(months: Sequence[Month]) -> str:
    rows = "".join(
        f"<tr><td>{month.number}</td><td>{month.served}</td><td>{month.loss:.4f}</td><td>{month.frozen:.4f}</td>"
        f"<td>{'<br>'.join(html.escape(event.text) for event in month.events)}</td></tr>"
        for month in months
    )
    names = ("month", "version", "served", "never retrained", "what happened")
    head = "".join(f"<th>{name}</th>" for name in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
