"""A lineage as a page with a drawing: data at the top, what was asked for at the bottom."""

from __future__ import annotations

import html
from itertools import pairwise

from mlops.ancestry.model import Lineage, Node
from mlops.run_report_layout import Edge, Layout, Way, layout

__all__ = ["render_page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser that reads the page fetches nothing and runs nothing."""

_BOX = (136.0, 44.0)
_LETTERS = 19
_STYLE = """
:root{color-scheme:light dark;--ink:#18212c;--soft:#5a6675;--line:#c9d0d8;--card:#fff;--ground:#f4f6f8;
  --source:#8a5a00;--stage:#2563c9;--model:#0b8a7c;--deployment:#8b3fb0}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--line:#3a4450;--card:#151b23;--ground:#0e1319;
  --source:#e0a94a;--stage:#6fa5f7;--model:#3ccab8;--deployment:#c58be0}}
body{margin:0;background:var(--ground);color:var(--ink);font:14px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:20px;margin:0 0 4px}p{color:var(--soft);margin:0 0 16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px;margin:0 0 16px;
  overflow-x:auto}
svg{display:block;margin:0 auto;max-width:none}svg text{fill:var(--ink);font-size:13px}
svg .kind{fill:var(--soft);font-size:11px}
svg .box{fill:var(--card);stroke-width:1.5}
svg .edge{fill:none;stroke:var(--line);stroke-width:1.4}svg .tip{fill:var(--line)}
.source{stroke:var(--source)}.stage{stroke:var(--stage)}.model{stroke:var(--model)}.deployment{stroke:var(--deployment)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:6px 10px 6px 0;
  border-top:1px solid var(--line)}
td{overflow-wrap:anywhere}td.facts{font-size:12px;color:var(--soft)}
"""


def render_page(lineage: Lineage) -> str:
    """Draw a page that needs nothing else and runs no script."""
    title = f"Lineage of {lineage.asked}"
    rows = "".join(_row(node) for node in lineage.nodes)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_text(_POLICY)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body><main>"
        f"<h1>{_text(title)}</h1><p>{_text(lineage.recipe)}, run {_text(lineage.run)}</p>"
        f'<div class="card">{_drawing(lineage)}</div>'
        f'<div class="card"><table><tbody>{rows}</tbody></table></div></main></body></html>\n'
    )


def _row(node: Node) -> str:
    facts = {**node.facts, **{f"{name} digest": digest for name, digest in node.outputs.items()}}
    told = "<br>".join(f"{_text(name)}: {_text(value)}" for name, value in facts.items())
    return f'<tr><th>{_text(node.title)}</th><td>{_text(node.kind)}</td><td class="facts">{told}</td></tr>'


def _drawing(lineage: Lineage) -> str:
    known = {node.id for node in lineage.nodes}
    edges = [Edge(name, node.id) for node in lineage.nodes for name in node.reads if name in known]
    found = layout([node.id for node in lineage.nodes], edges)
    body = [_way(way) for way in found.ways.values()] + [_box(node, found) for node in lineage.nodes]
    said = ", ".join(f"{node.kind} {node.title}" for node in lineage.nodes)
    return (
        f'<svg viewBox="0 0 {found.width:.0f} {found.height:.0f}" width="{found.width:.0f}" role="img" '
        f'aria-label="{_text(f"From top to bottom: {said}")}">{"".join(body)}</svg>'
    )


def _box(node: Node, found: Layout) -> str:
    x, y = found.stages[node.id]
    wide, high = _BOX
    rect = f'x="{x - wide / 2:.1f}" y="{y - high / 2:.1f}" width="{wide:g}" height="{high:g}" rx="8"'
    name = node.title if len(node.title) <= _LETTERS else f"…{node.title[1 - _LETTERS :]}"
    return (
        f'<g><title>{_text(node.title)}</title><rect {rect} class="box {node.kind}"/>'
        f'<text x="{x:.1f}" y="{y - 2:.1f}" text-anchor="middle">{_text(name)}</text>'
        f'<text x="{x:.1f}" y="{y + 14:.1f}" class="kind" text-anchor="middle">{_text(_below(node))}</text></g>'
    )


def _below(node: Node) -> str:
    digest = next(iter(node.outputs.values()), node.facts.get("digest", ""))
    return f"{node.kind} {digest[:12]}".strip()


def _way(way: Way) -> str:
    half = _BOX[1] / 2
    points = [(way[0][0], way[0][1] + half), *way[1:-1], (way[-1][0], way[-1][1] - half - 5)]
    drawn = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        drawn += f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
    x, y = points[-1]
    return f'<path d="{drawn}" class="edge"/><path d="M{x - 4:.1f} {y - 1:.1f}h8l-4 6z" class="tip"/>'


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
