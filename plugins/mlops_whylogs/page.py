"""The page of a monitor: performance over time, which column drifted when, and every alarm in words."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mlops.durable import write_hint
from mlops.services.monitor import Subject, Window

__all__ = ["write_page"]

_STYLE = """
:root{color-scheme:light dark;--ink:#18212c;--soft:#5a6675;--line:#dfe3e8;--card:#fff;--wash:#f4f6f8;--blue:#2563c9;
--red:#c2410c}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--line:#2b333e;--card:#151b23;--wash:#0e1319;
--blue:#6fa5f7;--red:#f5954a}}
body{margin:0 auto;max-width:1080px;padding:24px;background:var(--wash);color:var(--ink);
font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:28px 0 10px}p{color:var(--soft);margin:2px 0 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
td,th{padding:6px 8px;border-top:1px solid var(--line);text-align:left;vertical-align:top}thead th{border:0;
color:var(--soft);font-weight:500}.heat td,.heat th{padding:3px 5px;border:0;white-space:nowrap;font-size:12px}
.heat td{text-align:center;border-radius:3px;min-width:34px}.alarm{outline:2px solid var(--red);font-weight:650}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}
"""
_WIDTH, _HEIGHT, _PAD = 1000.0, 220.0, 46.0
_MOST_ROWS = 40


def write_page(path: Path, subject: Subject, windows: Sequence[Window]) -> Path:
    """Write the page; a disk that is full is no reason for a look to fail."""
    alarmed = sum(bool(window.alarms) for window in windows)
    span = f"{windows[0].start[:16]} to {windows[-1].end[:16]}" if windows else "no window yet"
    parts = [
        f"<h1>Monitor of {_text(subject.name)}</h1>",
        f"<p>{len(windows)} windows, {span}; {alarmed} with alarms</p>",
        _timelines(windows),
        _heat(windows),
        _alarms(windows),
    ]
    title = f"<title>Monitor of {_text(subject.name)}</title>"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8">{title}<style>{_STYLE}</style>'
    write_hint(path, (head + "<body>" + "".join(parts) + "</body></html>\n").encode())
    return path


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)


def _timelines(windows: Sequence[Window]) -> str:
    names = list(dict.fromkeys(item.metric for window in windows for item in window.performance))
    if not names:
        return "<h2>Performance</h2><div class=card>No labels are known yet.</div>"
    drawn = "".join(f"<div class=card>{_timeline(name, windows)}</div>" for name in names[:2])
    return f"<h2>Performance on the rows whose labels are known</h2>{drawn}"


def _timeline(name: str, windows: Sequence[Window]) -> str:
    found = [(i, item) for i, window in enumerate(windows) for item in window.performance if item.metric == name]
    marks = [item.reference for _, item in found if item.reference is not None]
    low = min([*marks, *(item.low for _, item in found)])
    high = max([*marks, *(item.high for _, item in found)])
    span = (high - low) or 1.0

    width = (_WIDTH - 2 * _PAD) / max(1, len(windows))

    def x(index: int) -> float:
        return _PAD + (index + 0.5) * width

    def y(value: float) -> float:
        return _HEIGHT - 30 - (value - low) / span * (_HEIGHT - 60)

    dashed = "; dashed: the same on the test rows" if marks else ""
    body = [f'<text x="{_PAD}" y="14">{_text(name)}{dashed}</text>']
    for index, item in found:
        body += [] if item.reference is None else [_rule(x(index), y(item.reference), half=min(30.0, width / 2))]
        alarms = [alarm.what for alarm in windows[index].alarms if alarm.kind == "performance"]
        colour = "var(--red)" if name in alarms else "var(--blue)"
        body.append(
            f'<path d="M{x(index):.1f} {y(item.low):.1f}V{y(item.high):.1f}" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{x(index):.1f}" cy="{y(item.value):.1f}" r="4" fill="{colour}">'
            f"<title>{_text(windows[index].start[:16])}: {item.value:.4g}</title></circle>"
        )
    body += [f'<text x="{_PAD - 4}" y="{y(v):.1f}" text-anchor="end">{v:.3g}</text>' for v in (low, high)]
    body += _ticks(windows, x)
    label = f"{_text(name)} by window"
    return f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{label}">{"".join(body)}</svg>'


def _rule(middle: float, height: float, *, half: float) -> str:
    return f'<path d="M{middle - half:.1f} {height:.1f}h{2 * half:.1f}" stroke="var(--soft)" stroke-dasharray="4 3"/>'


def _ticks(windows: Sequence[Window], x: Callable[[int], float]) -> Iterable[str]:
    step = max(1, len(windows) // 10)
    for index in range(0, len(windows), step):
        yield f'<text x="{x(index):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{windows[index].start[:10]}</text>'


def _heat(windows: Sequence[Window]) -> str:
    """Draw columns × windows; the shade is the effect in units of its floor."""
    worst: dict[tuple[str, str], dict[int, tuple[float, bool, str]]] = {}
    for index, window in enumerate(windows):
        for item in window.findings:
            if item.kind in ("drift", "prediction", "missing", "new"):
                cell = worst.setdefault((item.kind, item.what), {})
                cell[index] = (item.effect / item.floor, item.alarm, item.sentence)
    order = sorted(worst, key=lambda key: -max(cell[0] for cell in worst[key].values()))[:_MOST_ROWS]
    if not order:
        return "<h2>Drift</h2><div class=card>No window has enough rows yet.</div>"
    head = "".join(f"<th>{window.start[5:10]}</th>" for window in windows)
    body = "".join(
        f"<tr><th>{_text(what)} <small>{kind}</small></th>{_cells(worst[kind, what], len(windows))}</tr>"
        for kind, what in order
    )
    return (
        "<h2>Drift, in units of the smallest effect that counts</h2><div class=card>"
        f"<table class=heat><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(found: dict[int, tuple[float, bool, str]], count: int) -> str:
    cells: list[str] = []
    for index in range(count):
        if index not in found:
            cells.append("<td></td>")
            continue
        size, alarm, sentence = found[index]
        shade = f"background:color-mix(in srgb,var(--red) {min(85, round(size * 40))}%,transparent)"
        css = ' class="alarm"' if alarm else ""
        cells.append(f'<td{css} style="{shade}" title="{_text(sentence)}">{size:.1f}</td>')
    return "".join(cells)


def _alarms(windows: Sequence[Window]) -> str:
    rows = [
        f"<tr><td>{_text(window.start[:16])}</td><td>{window.rows:,}</td><td>{_text(item.kind)}</td>"
        f"<td>{_text(item.sentence)}</td></tr>"
        for window in reversed(windows)
        for item in window.alarms
    ]
    if not rows:
        return "<h2>Alarms</h2><div class=card>None.</div>"
    head = "<thead><tr><th>window</th><th>rows</th><th>kind</th><th>what</th></tr></thead>"
    return f"<h2>Alarms</h2><div class=card><table>{head}<tbody>{''.join(rows)}</tbody></table></div>"
