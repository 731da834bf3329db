"""How good a model is: metrics with intervals, and a page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Evaluation"]


class Evaluation(Artifact):
    """``evaluation.json``, ``report.html`` (self-contained) and ``fragment.html`` (its body).

    The facts hold at least ``headline`` (a metric's name) and ``metrics``: part → metric →
    ``value``, ``low``, ``high`` and ``baseline`` (numbers, or null where undefined), with a
    ``reason`` for what is missing.
    """

    format = "evaluation"

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any], *, report: str, fragment: str) -> Self:
        """Write the facts, the report and its body."""
        (folder / "report.html").write_text(report, encoding="utf-8")
        (folder / "fragment.html").write_text(fragment, encoding="utf-8")
        write_json(folder / "evaluation.json", dict(facts))
        return cls(folder)

    @property
    def facts(self) -> dict[str, Any]:
        """Task, headline, metrics, threshold and how they were measured."""
        return dict(self.read_json("evaluation.json"))

    @property
    def headline(self) -> str:
        """Name of the metric that is named first."""
        return str(self.facts["headline"])

    @property
    def metrics(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Part → metric → value, low, high, baseline (None where undefined) and, then, reason."""
        return dict(self.facts["metrics"])

    def value(self, metric: str, *, part: str = "test") -> float | None:
        """Give one metric's value; None where it is undefined.

        Raises:
            KeyError: the metric was not measured on that part.
        """
        found = self.metrics[part][metric]["value"]
        return None if found is None else float(found)

    def summary(self) -> str:
        """The headline metric with its interval."""
        facts = self.facts
        name = facts["headline"]
        found = facts["metrics"]["test"][name]
        if found["value"] is None:
            return f"test {name} is undefined: {found.get('reason', '')}"
        interval = "" if found["low"] is None else f" [{found['low']:.4g}, {found['high']:.4g}]"
        return f"test {name} {found['value']:.4g}{interval}"
