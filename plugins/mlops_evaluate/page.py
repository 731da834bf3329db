"""An evaluation as HTML: the fragment that a run's page embeds, and a page of its own."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_evaluate.binary_charts import binary_charts
from mlops_evaluate.catalogue import METRICS
from mlops_evaluate.findings import Findings
from mlops_evaluate.metric_table import interval_text, metric_table
from mlops_evaluate.model_charts import model_charts
from mlops_evaluate.multiclass_charts import class_table, multiclass_charts
from mlops_evaluate.notes import notes
from mlops_evaluate.regression_charts import regression_charts
from mlops_evaluate.style import PAGE_STYLE, STYLE
from mlops_evaluate.svg import count, element, percent, shown, text

__all__ = ["fragment", "page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser that reads the page fetches nothing and runs nothing."""


def page(title: str, body: str) -> str:
    """Put a fragment on a page of its own."""
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)}</title><style>{PAGE_STYLE}</style>"
    )
    inner = f"<main><h1>{text(title)}</h1>\n{body}\n</main>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{inner}</body></html>\n'


def fragment(findings: Findings) -> str:
    """Draw everything that was found; carries its own style and no script."""
    sections = [
        f"<style>{STYLE}</style>",
        _hero(findings),
        _notes(findings),
        element("h2", "Metrics"),
        metric_table(findings),
        *_classes(findings),
        element("h2", "Plots of the test rows"),
        element("div", *_charts(findings), *model_charts(findings), class_="charts"),
    ]
    return element("div", "\n".join(part for part in sections if part), class_="mlops-evaluation")


def _hero(findings: Findings) -> str:
    found = findings.metrics["test"][findings.headline]
    interval = "" if found.low is None else f"{findings.setting.confidence * 100:.4g} % interval {interval_text(found)}"
    floor = "" if found.baseline is None else f"naive baseline {shown(found.baseline)}"
    said = "; ".join(part for part in (interval, floor) if part)
    value = element(
        "div",
        element("div", f"{text(METRICS[findings.headline].title)} on test", class_="what"),
        element("div", shown(found.value), class_="value"),
        element("div", text(said), class_="what"),
    )
    facts = [element("div", element("dt", text(name)), element("dd", text(said))) for name, said in _facts(findings)]
    return element("div", value, element("dl", *facts), class_="hero")


def _facts(findings: Findings) -> Iterator[tuple[str, str]]:
    facts = findings.facts
    yield "target", facts.target
    yield "task", facts.task
    yield "model", facts.family.rsplit(".", 1)[-1]
    yield "features", count(len(facts.features))
    for part, scored in sorted(findings.parts.items()):
        yield f"{part} rows", count(scored.rows)
    if findings.threshold is not None:
        origin = "" if findings.threshold.origin == "given" else f" ({findings.threshold.origin})"
        yield "threshold", f"{shown(findings.threshold.value)}{origin}"
        rate = float((findings.test.weight * findings.test.target).sum() / findings.test.weight.sum())
        yield "positive class", f"{findings.classes[-1]} ({percent(rate)} of test)"
    elif facts.classes:
        yield "classes", count(len(facts.classes))


def _notes(findings: Findings) -> str:
    items = [element("li", text(note)) for note in notes(findings)]
    return element("ul", *items, class_="notes") if items else ""


def _classes(findings: Findings) -> Iterator[str]:
    if findings.setting.task == "multiclass":
        yield element("h2", "Classes")
        yield element("div", class_table(findings), class_="wide tall")


def _charts(findings: Findings) -> Iterator[str]:
    if findings.setting.task == "binary":
        return binary_charts(findings)
    return multiclass_charts(findings) if findings.setting.task == "multiclass" else regression_charts(findings)
