"""How good a model is: metrics with intervals, and a page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Evaluation"]


class Evaluation(Artifact):
    """``evaluation.json``, ``report.html`` (self-contained) and ``fragment.html`` (its body)."""

    format = "evaluation"

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any], *, report: str, fragment: str) -> Self:
        """Write metrics (part → metric → {value, low, high}), the report and its body."""
        (folder / "report.html").write_text(report, encoding="utf-8")
        (folder / "fragment.html").write_text(fragment, encoding="utf-8")
        write_json(folder / "evaluation.json", dict(facts))
        return cls(folder)

    @property
    def metrics(self) -> dict[str, dict[str, dict[str, float]]]:
        """Part → metric → value, low, high."""
        return dict(self.read_json("evaluation.json")["metrics"])

    def summary(self) -> str:
        """The headline metric with its interval."""
        facts = self.read_json("evaluation.json")
        name = facts["headline"]
        found = facts["metrics"]["test"][name]
        return f"test {name} {found['value']:.4g} [{found['low']:.4g}, {found['high']:.4g}]"
