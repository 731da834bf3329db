"""The look of an evaluation, the same on its own page and inside a run's page."""

from __future__ import annotations

__all__ = ["PAGE_STYLE", "STYLE"]

STYLE = """
.mlops-evaluation{--ink:#18212c;--soft:#5a6675;--line:#dfe3e8;--grid:#eceff2;--card:#fff;--wash:#f4f6f8;
  --c0:#c4ccd6;--c1:#2563c9;--c2:#d2600a;--c3:#0b8a7c;--warn:#8a5300;--warnwash:#fff6e5;color:var(--ink);
  font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
@media (prefers-color-scheme:dark){--ink:#e4e8ee;--soft:#9aa6b5;--line:#2b333e;--grid:#222a34;--card:#151b23;
  --wash:#1b222c;--c0:#465160;--c1:#6fa5f7;--c2:#f5954a;--c3:#3ccab8;--warn:#f2c069;--warnwash:#2a2213}
& *{box-sizing:border-box}
& h2{font-size:16px;font-weight:650;margin:32px 0 12px}
& p{margin:0 0 8px}
& .hero{display:flex;flex-wrap:wrap;gap:16px 40px;align-items:center;background:var(--card);
  border:1px solid var(--line);border-radius:10px;padding:20px 24px}
& .hero .value{font-size:44px;line-height:1.05;font-weight:680;letter-spacing:-.02em}
& .hero .what{color:var(--soft);font-size:13px}
& dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px 24px;margin:0;flex:1 1 420px}
& dt{color:var(--soft);font-size:12px}
& dd{margin:0;font-size:14px;font-weight:600;overflow-wrap:anywhere}
& .notes{background:var(--warnwash);border-left:3px solid var(--warn);border-radius:4px;margin:16px 0 0;
  padding:10px 14px 10px 30px}
& .notes li::marker{color:var(--warn)}
& .wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:4px 16px 8px}
& table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
& caption{caption-side:bottom;text-align:left;color:var(--soft);font-size:12px;padding:8px 0 2px}
& th,& td{padding:7px 10px;border-top:1px solid var(--line);text-align:right;vertical-align:middle}
& th:first-child{text-align:left;padding-left:0}
& td:last-child,& th:last-child{padding-right:0}
& thead th{border:0;color:var(--soft);font-weight:500;font-size:12px}
& tbody th{font-weight:500;overflow-wrap:anywhere;min-width:110px}
& tbody th:has(small){min-width:190px}
& .tall{max-height:460px;overflow-y:auto}
& tbody th small{display:block;color:var(--soft);font-weight:400;font-size:12px;line-height:1.35}
& td.main{font-weight:650}
& td.worse{color:var(--c2)}
& td{white-space:nowrap}
& td.soft{color:var(--soft)}
& td.span{width:190px;min-width:150px}
& .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(330px,100%),1fr));gap:16px}
& figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px 12px;
  break-inside:avoid;min-width:0}
& figcaption{margin-bottom:8px}
& figcaption b{display:block;font-weight:650}
& figcaption span{color:var(--soft);font-size:12px;display:block;line-height:1.4}
& figcaption ul{list-style:none;display:flex;flex-wrap:wrap;gap:2px 14px;margin:4px 0 0;padding:0;font-size:12px}
& figcaption li{overflow-wrap:anywhere}
& figcaption i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
& figcaption i.c1{background:var(--c1)}
& figcaption i.c2{background:var(--c2)}
& figcaption i.c3{background:var(--c3)}
& svg{display:block;width:100%;height:auto;font-size:12px;font-family:inherit}
& svg text{fill:var(--soft)}
& svg text.axis{text-anchor:middle;fill:var(--ink)}
& svg text.in{fill:var(--ink)}
& svg text.on{fill:var(--card)}
& svg .grid{stroke:var(--grid);fill:none}
& svg .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
& svg .thin{stroke-width:1.2}
& svg .stem{stroke:var(--c1);stroke-opacity:.35;stroke-width:2}
& svg.worse .stem{stroke:var(--c2)}
& svg.worse .fill.c1,& svg.worse .dot.c1{fill:var(--c2)}
& svg .rule{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 4;stroke-linecap:butt}
& svg .line.c1{stroke:var(--c1)}
& svg .line.c2{stroke:var(--c2)}
& svg .line.c3{stroke:var(--c3)}
& svg .area{fill-opacity:.09}
& svg .bars{fill-opacity:.5}
& svg .area.c1,& svg .bars.c1,& svg .fill.c1{fill:var(--c1)}
& svg .bars.c2,& svg .fill.c2{fill:var(--c2)}
& svg .bars.c0,& svg .fill.c0{fill:var(--c0)}
& svg .dot{stroke:var(--card);stroke-width:1}
& svg .dot.c1{fill:var(--c1)}
& svg .dot.c2{fill:var(--c2)}
& svg .points{stroke:var(--c1);stroke-width:4;stroke-linecap:round;stroke-opacity:.45}
& svg .hex,& svg .cell.right{fill:var(--c1)}
& svg .cell.wrong{fill:var(--c2)}
& svg .edge{fill:none;stroke:var(--line)}
@media print{--card:#fff;--wash:#fff;--ink:#000;--soft:#444;--line:#bbb;--grid:#e6e6e6;--c0:#c4ccd6;
  --c1:#2563c9;--c2:#d2600a;--c3:#0b8a7c;--warn:#8a5300;--warnwash:#fff;print-color-adjust:exact;
  -webkit-print-color-adjust:exact;& .charts{grid-template-columns:1fr 1fr}& .tall{max-height:none}}
}
"""
"""Everything is scoped to the fragment's class, so that the page around it keeps its own look."""

PAGE_STYLE = """
:root{color-scheme:light dark}
body{margin:0;background:#f4f6f8;color:#18212c;font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
main{max-width:1160px;margin:0 auto;padding:28px 20px 56px}
h1{font-size:24px;font-weight:680;letter-spacing:-.01em;margin:0 0 16px;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{background:#0e1319;color:#e4e8ee}}
@media print{body{background:#fff;color:#000}main{max-width:none;padding:0}}
"""
