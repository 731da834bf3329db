"""Plots and tables of a multiclass model on its test rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlops_evaluate.binary_charts import calibration_chart
from mlops_evaluate.findings import Findings
from mlops_evaluate.labels import per_class
from mlops_evaluate.matrix import confusion_figure
from mlops_evaluate.panel import Panel, share_scale
from mlops_evaluate.ranking import Order
from mlops_evaluate.scored import Floats
from mlops_evaluate.svg import count, element, figure, percent, shown, text

__all__ = ["class_table", "multiclass_charts"]

_BINS = 30
_MOST_ROWS = 100
_PAIRS = 10


def multiclass_charts(findings: Findings) -> Iterator[str]:
    """Draw confusion, the pairs that are confused most, calibration and confidence."""
    matrix = findings.matrix()
    note = "The class with the best score is named; shares are of each row."
    yield confusion_figure(matrix, findings.classes, note=note)
    yield _confused(matrix, findings.classes)
    yield calibration_chart(findings, binary=False)
    yield _confidence(findings)


def class_table(findings: Findings) -> str:
    """List precision, recall, F1 and ROC AUC of each class, the most frequent first."""
    matrix = findings.matrix()
    found = per_class(matrix)
    order = np.argsort(-found["support"], kind="stable").tolist()
    rows = [
        element(
            "tr",
            element("th", text(findings.classes[index]), scope="row"),
            element("td", count(found["support"][index])),
            *(element("td", shown(float(found[name][index]))) for name in ("precision", "recall", "f1")),
            element("td", shown(_one_vs_rest(findings, index))),
        )
        for index in order[:_MOST_ROWS]
    ]
    heads = ("class", "weight" if findings.test.weighed else "rows", "precision", "recall", "F1", "ROC AUC vs rest")
    head = element("thead", element("tr", *(element("th", text(name), scope="col") for name in heads)))
    left = len(order) - len(rows)
    caption = "Each class, most frequent first" + (f" ({left} rarer classes left out)" if left else "")
    return element("table", element("caption", caption), head, element("tbody", *rows))


def _one_vs_rest(findings: Findings, index: int) -> float:
    test = findings.test
    return Order(test.scores[:, index], test.target == index).roc_auc(test.weight)


def _confused(matrix: Floats, names: tuple[str, ...]) -> str:
    wrong = matrix - np.diag(np.diag(matrix))
    order = [index for index in np.argsort(-wrong, axis=None, kind="stable").tolist() if wrong.flat[index] > 0]
    rows = []
    for index in order[:_PAIRS]:
        was, said = divmod(index, len(names))
        share = wrong[was, said] / matrix[was].sum()
        cells = (
            element("td", text(names[said])),
            element("td", count(wrong[was, said])),
            element("td", percent(share)),
        )
        rows.append(element("tr", element("th", text(names[was]), scope="row"), *cells))
    heads = ("what happened", "said", "rows", "of the class")
    head = element("thead", element("tr", *(element("th", text(name), scope="col") for name in heads)))
    body = element("table", head, element("tbody", *rows)) if rows else element("p", "No row is called wrong.")
    return figure("Most confused", body, note="The pairs of classes behind most errors.")


def _confidence(findings: Findings) -> str:
    scored = findings.test
    promised = scored.scores.max(axis=1)
    right = scored.scores.argmax(axis=1) == scored.target
    edges = np.linspace(0, 1, _BINS + 1)
    total = scored.weight.sum()
    shares = [np.histogram(promised[rows], edges, weights=scored.weight[rows])[0] / total for rows in (right, ~right)]
    tallest = max(float(values.max()) for values in shares) or 1.0
    panel = Panel(
        share_scale(), share_scale(tallest * 1.05), "confidence in the class that is named", "share of all rows"
    )
    bars = [panel.bars(edges, values, css) for values, css in zip(shares, ("c1", "c2"), strict=True)]
    body = panel.draw(*bars, label="Histogram of the confidence of right and wrong predictions")
    return figure("Confidence", body, key=(("c1", "right"), ("c2", "wrong")))
