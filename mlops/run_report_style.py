"""The look of a run's page."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root{color-scheme:light dark;--ink:#18212c;--soft:#5a6675;--line:#dfe3e8;--grid:#eceff2;--card:#fff;--ground:#f4f6f8;
  --run:#2563c9;--reuse:#0b8a7c;--failed:#c2302a;--skipped:#7a8594;--bad:#fdeceb}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--line:#2b333e;--grid:#222a34;--card:#151b23;
  --ground:#0e1319;--run:#6fa5f7;--reuse:#3ccab8;--failed:#ff7b72;--skipped:#8a95a4;--bad:#2d1718}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
  font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1160px;margin:0 auto;padding:28px 20px 56px}
.own{
& h1{font-size:24px;font-weight:680;letter-spacing:-.01em;margin:0;overflow-wrap:anywhere}
& h2{font-size:16px;font-weight:650;margin:32px 0 12px}
& code,& .mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
& .head{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:center}
& .sub{color:var(--soft);margin:6px 0 16px;overflow-wrap:anywhere}
& .sub code{background:var(--card);border:1px solid var(--line);border-radius:4px;padding:1px 6px;margin-right:4px;
  color:var(--ink);white-space:pre-wrap}
& .pill{display:inline-block;border-radius:99px;padding:1px 10px;font-size:12px;font-weight:600;border:1px solid;
  white-space:nowrap}
& .run{color:var(--run)}& .reuse{color:var(--reuse)}& .failed{color:var(--failed)}& .skipped{color:var(--skipped)}
& .card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 18px;min-width:0}
& .error{background:var(--bad);border:1px solid var(--failed);border-radius:10px;padding:12px 18px;margin:0 0 16px;
  white-space:pre-wrap;overflow-wrap:anywhere}
& .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px 24px;margin:0}
& dt{color:var(--soft);font-size:12px}
& dd{margin:0;font-weight:600;font-size:18px;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
& .pictures{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:16px;margin-top:16px;
  align-items:start}
& .pictures>.only{grid-column:1/-1}
@media (max-width:860px){& .pictures{grid-template-columns:minmax(0,1fr)}}
& figure{margin:0;overflow-x:auto;break-inside:avoid}
& figcaption{font-weight:650;margin-bottom:8px}
& figcaption span{color:var(--soft);font-weight:400;font-size:12px;margin-left:6px}
& svg{display:block;max-width:100%;height:auto;font-size:12px;font-family:inherit;margin:0 auto}
& svg text{fill:var(--soft)}
& svg .name{fill:var(--ink);font-weight:600}
& svg .label{font-size:11px;paint-order:stroke;stroke:var(--card);stroke-width:4px;text-anchor:middle}
& svg .edge{fill:none;stroke:var(--soft);stroke-opacity:.55;stroke-width:1.4}
& svg .tip{fill:var(--soft)}
& svg .inside{fill:var(--card)}
& svg .grid{stroke:var(--grid);fill:none}
& svg .box{fill:var(--card);stroke-width:1.6}
& svg .box.run{stroke:var(--run)}& svg .box.reuse{stroke:var(--reuse)}& svg .box.failed{stroke:var(--failed)}
& svg .box.skipped{stroke:var(--skipped);stroke-dasharray:4 3}
& svg .wash{fill-opacity:.12;stroke:none}
& svg .bar.run,& svg .wash.run{fill:var(--run)}& svg .bar.reuse,& svg .wash.reuse{fill:var(--reuse)}
& svg .bar.failed,& svg .wash.failed{fill:var(--failed)}& svg .bar.skipped,& svg .wash.skipped{fill:var(--skipped)}
& .wide{overflow-x:auto}
& table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
& th,& td{padding:7px 12px;border-top:1px solid var(--line);text-align:left;vertical-align:top}
& thead th{border:0;color:var(--soft);font-weight:500;font-size:12px}
& tbody th{font-weight:600;white-space:nowrap}
& td.number,& th.number{text-align:right;white-space:nowrap}
& th:first-child,& td:first-child{padding-left:0}
& th:last-child,& td:last-child{padding-right:0}
& td ul{margin:0;padding:0;list-style:none}
& td.soft,& td .soft{color:var(--soft)}
& td.why{overflow-wrap:anywhere;min-width:200px}
& .metrics{columns:3 260px;column-gap:40px;margin:0}
& .metrics div{display:flex;justify-content:space-between;gap:12px;break-inside:avoid;padding:3px 0;
  border-bottom:1px solid var(--grid)}
& .metrics dt{font-size:13px;overflow-wrap:anywhere}
& .metrics dd{font-size:13px;white-space:nowrap}
& details{margin-top:8px}
& summary{cursor:pointer;color:var(--soft)}
}
.part{margin-top:40px;padding-top:24px;border-top:1px solid var(--line)}
.part>.from{color:var(--soft);font-size:12px;margin:0 0 8px}
@media print{:root{--ground:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--grid:#e6e6e6;--run:#2563c9;
  --reuse:#0b8a7c;--failed:#c2302a;--skipped:#666;--bad:#fff}main{max-width:none;padding:0}
  body{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
