"""A verdict as HTML: the part that a run's page shows."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["fragment"]

_STYLE = """
.mlops-verdict{--ink:#18212c;--soft:#5a6675;--line:#dfe3e8;--card:#fff;--good:#0b8a7c;--bad:#c2381f;--warn:#8a5300;
  color:var(--ink);font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
@media (prefers-color-scheme:dark){--ink:#e4e8ee;--soft:#9aa6b5;--line:#2b333e;--card:#151b23;--good:#3ccab8;
  --bad:#ff7a62;--warn:#f2c069}
& .wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:4px 16px 8px}
& table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
& th,& td{padding:7px 10px;border-top:1px solid var(--line);text-align:left;vertical-align:top}
& thead th{border:0;color:var(--soft);font-weight:500;font-size:12px}
& tbody th{font-weight:600}
& td.number{text-align:right}
& .passed{color:var(--good);font-weight:600}
& .failed{color:var(--bad);font-weight:600}
& .warned{color:var(--warn);font-weight:600}
& .soft{color:var(--soft)}
& summary{cursor:pointer;color:var(--soft);font-size:12px}
& svg{display:block;width:170px;height:22px}
& rect.passed{fill:var(--good)}
& rect.failed{fill:var(--bad)}
& rect.warned{fill:var(--warn)}
& line.zero{stroke:var(--line)}
& line.bound{stroke:var(--ink);stroke-width:2}}
"""
_WIDTH = 160


def fragment(facts: Mapping[str, Any]) -> str:
    """Draw the gates as a table with a bar each; carries its own style and no script."""
    champion = facts["champion"]
    beside = f"version {champion['version']} of {champion['model']}" if champion else "none"
    head = "".join(f'<th scope="col">{name}</th>' for name in ("gate", "", "found", "against the bound"))
    rows = "".join(_row(gate) for gate in facts["gates"])
    return (
        f'<div class="mlops-verdict"><style>{_STYLE}</style><h2>Gates</h2>'
        f'<p class="soft">champion: {_text(beside)}</p>'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>'
    )


def _row(gate: Mapping[str, Any]) -> str:
    css = "passed" if gate["passed"] else "warned" if gate["mode"] == "warn" else "failed"
    word = {"passed": "passed", "warned": "failed (warns)", "failed": "failed"}[css]
    found = f"{_text(gate['sentence'])}{_details(gate.get('details', ()))}"
    return (
        f'<tr><th scope="row">{_text(gate["name"])}</th><td class="{css}">{word}</td><td>{found}</td>'
        f"<td>{_bar(gate['value'], gate['bound'], css)}</td></tr>"
    )


def _bar(value: float | None, bound: float | None, css: str) -> str:
    """A bar from zero to the value, with a stroke at the bound."""
    if value is None or bound is None:
        return ""
    low, high = min(0.0, value, bound), max(0.0, value, bound)
    scale = _WIDTH / ((high - low) or 1.0)
    zero, end, mark = (round((number - low) * scale + 4, 1) for number in (0.0, value, bound))
    label = _text(f"{value:.4g}, bound {bound:.4g}")
    return (
        f'<svg viewBox="0 0 {_WIDTH + 8} 22" role="img" aria-label="{label}"><title>{label}</title>'
        f'<rect class="{css}" x="{min(zero, end):g}" y="6" width="{max(abs(end - zero), 1):g}" height="10" rx="2"/>'
        f'<line class="zero" x1="{zero:g}" x2="{zero:g}" y1="2" y2="20"/>'
        f'<line class="bound" x1="{mark:g}" x2="{mark:g}" y1="2" y2="20"/></svg>'
    )


def _details(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in rows[0])
    body = "".join("<tr>" + "".join(_cell(value) for value in row.values()) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<details><summary>{len(rows)} shown one by one</summary>{table}</details>"


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (
            f'<td class="number">{value:,}</td>' if isinstance(value, int) else f'<td class="number">{value:.4g}</td>'
        )
    return f"<td>{_text(value)}</td>"


def _text(value: object) -> str:
    return html.escape(str(value))
