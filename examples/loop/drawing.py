"""The timeline: the error of what was served beside that of the first model, with all that happened."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from months import Month

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 960.0, 420.0, 60.0, 30.0, 150.0
_STYLE = """
:root{color-scheme:light dark;--ink:#18212c;--soft:#5a6675;--card:#fff;--wash:#f4f6f8;--blue:#2563c9;--red:#c2410c}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--card:#151b23;--wash:#0e1319;--blue:#6fa5f7;
--red:#f5954a}}
body{margin:0 auto;max-width:1020px;padding:24px;background:var(--wash);color:var(--ink);
font:14px/1.5 system-ui,sans-serif}
.card{background:var(--card);border-radius:10px;padding:16px}h1{font-size:22px}svg{width:100%;height:auto}
svg text{fill:var(--soft);font-size:12px}td,th{padding:5px 10px;text-align:left;vertical-align:top}
table{border-collapse:collapse;margin-top:16px}tr{border-top:1px solid color-mix(in srgb,var(--soft) 30%,transparent)}
"""


def draw(months: Sequence[Month], path: Path, *, fault: int, bad: int) -> Path:
    """Print the timeline and write it as a page."""
    print("\nmonth  version  log loss  never retrained  what happened")
    for month in months:
        words = "; ".join([*_marks(month, fault, bad), *month.events, *_alarms(month)]) or "–"
        print(f"{month.number:>5}  {month.served:>7}  {month.loss:8.4f}  {month.frozen:15.4f}  {words}")
    title = "The loop: served beside never retrained"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    body = f"<h1>{title}</h1><div class=card>{_chart(months, fault, bad)}{_table(months, fault, bad)}</div>"
    path.write_text(f"{head}<body>{body}</body></html>\n", encoding="utf-8")
    return path


def _marks(month: Month, fault: int, bad: int) -> list[str]:
    known = {fault: "wind came in metres a second", bad: "a colleague ran a bad model"}
    return [known[month.number]] if month.number in known else []


def _alarms(month: Month) -> list[str]:
    return [f"alarms: {', '.join(month.alarms[:4])}{' …' if len(month.alarms) > 4 else ''}"] if month.alarms else []  # noqa: PLR2004 - as many as fit a line


def _chart(months: Sequence[Month], fault: int, bad: int) -> str:
    values = [value for month in months for value in (month.loss, month.frozen)]
    low, high = min(values), max(values)
    step = (_WIDTH - 2 * _LEFT) / max(1, len(months) - 1)

    def at(index: int, value: float) -> tuple[float, float]:
        share = (value - low) / ((high - low) or 1.0)
        return _LEFT + index * step, _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    served = [at(index, month.loss) for index, month in enumerate(months)]
    frozen = [at(index, month.frozen) for index, month in enumerate(months)]
    parts = [_line(frozen, "var(--red)"), _line(served, "var(--blue)")]
    for index, month in enumerate(months):
        x = _LEFT + index * step
        words = [*_marks(month, fault, bad), *month.events]
        parts.append(f'<text x="{x:.0f}" y="{_HEIGHT - _BOTTOM + 24:.0f}" text-anchor="middle">{month.number}</text>')
        parts += [
            f'<text x="{x:.0f}" y="{_HEIGHT - _BOTTOM + 42 + 15 * row:.0f}" text-anchor="middle" '
            f'style="font-size:9px">{html.escape(word)}</text>'
            for row, word in enumerate(words[:6])
        ]
    parts += [f'<text x="4" y="{at(0, value)[1]:.0f}">{value:.3f}</text>' for value in (low, high)]
    parts.append(f'<text x="{_LEFT}" y="16">log loss a month: <tspan fill="var(--blue)">served</tspan>, ')
    parts.append('<tspan fill="var(--red)">never retrained</tspan></text>')
    return f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="log loss a month">{"".join(parts)}</svg>'


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _table(months: Sequence[Month], fault: int, bad: int) -> str:
    rows = "".join(
        f"<tr><td>{month.number}<td>{month.served}<td>{month.loss:.4f}<td>{month.frozen:.4f}"
        f"<td>{html.escape('; '.join([*_marks(month, fault, bad), *month.events]))}"
        f"<td>{html.escape(', '.join(month.alarms))}"
        for month in months
    )
    head = "<tr><th>month<th>version<th>served<th>never retrained<th>what happened<th>alarms"
    return f"<table>{head}{rows}</table>"
