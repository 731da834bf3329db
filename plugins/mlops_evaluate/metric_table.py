"""The table of metrics: values, intervals drawn beside the baseline, validation for comparison."""

from __future__ import annotations

from mlops_evaluate.catalogue import METRICS, MetricName
from mlops_evaluate.findings import Findings
from mlops_evaluate.measuring import Measured
from mlops_evaluate.notes import beside_baseline
from mlops_evaluate.svg import element, picture, shown, text

__all__ = ["interval_text", "metric_table"]

_WIDTH, _HEIGHT, _ROOM = 180.0, 18.0, 8.0
_ARROWS = {"higher": "higher is better", "lower": "lower is better", "zero": "best at 0", "none": "describes the rows"}


def metric_table(findings: Findings) -> str:
    """List every metric, the headline first."""
    names = sorted(findings.setting.names, key=lambda name: name != findings.headline)
    heads = ("metric", "test", f"{findings.setting.confidence * 100:.4g} % interval", "", "baseline", "validation")
    head = element("thead", element("tr", *(element("th", text(name), scope="col") for name in heads)))
    rows = [_row(name, findings) for name in names]
    within = "" if findings.setting.task == "regression" else " within classes"
    caption = (
        f"Intervals: percentile bootstrap with {findings.setting.bootstrap} resamples{within}."
        " Baseline: the same answer for every row, learnt from the train part; the grey tick in the drawing."
        + (" Rows count by their weight." if findings.test.weighed else "")
    )
    return element("div", element("table", element("caption", caption), head, element("tbody", *rows)), class_="wide")


def interval_text(found: Measured) -> str:
    """Write an interval, or a dash."""
    return "–" if found.low is None else f"{shown(found.low)} to {shown(found.high)}"


def _row(name: MetricName, findings: Findings) -> str:
    metric = METRICS[name]
    found = findings.metrics["test"][name]
    other = findings.metrics.get("validation", {}).get(name)
    said = element("small", text(f"{metric.meaning} ({_ARROWS[metric.better]})"))
    missing = found.reason or None
    worse = beside_baseline(found, metric.better) == "worse"
    return element(
        "tr",
        element("th", text(metric.title), said, scope="row"),
        element("td", shown(found.value), class_="main worse" if worse else "main", title=missing),
        element("td", text(interval_text(found)), title=missing),
        element("td", _span(found, metric.title, worse=worse), class_="span"),
        element("td", shown(found.baseline), class_="soft"),
        element("td", shown(other.value if other else None), class_="soft"),
    )


def _span(found: Measured, title: str, *, worse: bool) -> str:
    """Draw value and interval on a line that holds the baseline too."""
    value, low, high, floor = found.value, found.low, found.high, found.baseline
    if value is None or low is None or high is None or floor is None:
        return ""
    known = (value, low, high, floor)
    least, span = min(known), (max(known) - min(known)) or 1.0

    def place(number: float) -> float:
        return _ROOM + (number - least) / span * (_WIDTH - 2 * _ROOM)

    middle = _HEIGHT / 2
    marks = [element("path", d=f"M0 {middle:g}H{_WIDTH:g}", class_="grid")]
    marks.append(element("path", d=f"M{place(floor):.1f} {middle:g}H{place(value):.1f}", class_="stem"))
    marks.append(element("rect", x=place(floor) - 1.5, y=3, width=3, height=_HEIGHT - 6, class_="fill c0"))
    width = max(place(high) - place(low), 1.0)
    band = {"y": middle - 3, "height": 6, "rx": 3, "class_": "fill c1", "fill_opacity": 0.45}
    marks.append(element("rect", x=place(low), width=width, **band))
    marks.append(element("circle", cx=place(value), cy=middle, r=4, class_="dot c1"))
    said = f"{title}: {shown(value)}, {interval_text(found)}; baseline {shown(floor)}"
    return picture(*marks, size=(_WIDTH, _HEIGHT), label=said, css="worse" if worse else None)
