"""The gate of a metric that must not fall short."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mlops.errors import StageError
from mlops.formats.evaluation import Evaluation
from mlops.services.gate import Evidence, Finding, Gate
from mlops_release.catalogue import near

__all__ = ["Threshold"]


class Threshold(Gate):
    """A metric of the evaluation must be at least, or at most, so much."""

    metric: Annotated[str | None, Field(min_length=1)] = None
    """Metric of the evaluation; its headline when not given."""

    least: float | None = None
    """Smallest value that passes."""

    most: float | None = None
    """Largest value that passes."""

    of: Literal["value", "interval"] = "value"
    """value: what was measured; interval: even the unfavourable end of its interval must pass."""

    part: Literal["test", "validation"] = "test"
    """Rows on which it was measured."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        """Refuse a gate that lets everything pass."""
        if self.least is None and self.most is None:
            raise ValueError("needs `least` or `most`")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"`least` {self.least:g} is above `most` {self.most:g}")
        return self

    def judge(self, evidence: Evidence) -> Finding:
        """Hold the metric against the bounds."""
        name, found = self._measured(evidence.evaluation)
        if found["value"] is None:
            return Finding(False, f"{name} is undefined: {found.get('reason', '')}", bound=self._bound(short=True))
        low, high = (found["value"], found["value"]) if self.of == "value" else self._ends(name, found)
        short = self.least is not None and low < self.least
        over = self.most is not None and high > self.most
        value, bound = (high, self.most) if over or self.least is None else (low, self.least)
        sentence = f"{name} {found['value']:.4g}{self._interval(found)}{self._asked(value, short=short, over=over)}"
        return Finding(not short and not over, sentence, value=value, bound=bound)

    def _measured(self, evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
        measured = evaluation.metrics.get(self.part, {})
        name = self.metric or evaluation.headline
        if name not in measured:
            raise StageError(
                f"the evaluation has no metric {name!r} of the {self.part} rows",
                fix=f"{near(name, list(measured))}it has {', '.join(measured) or 'none'}; evaluate.metrics adds others",
            )
        return name, measured[name]

    def _ends(self, name: str, found: dict[str, Any]) -> tuple[float, float]:
        if found["low"] is None or found["high"] is None:
            raise StageError(
                f"the evaluation has no interval for {name}",
                fix="set evaluate.bootstrap=200, or `of: value` in the gate",
            )
        return found["low"], found["high"]

    def _interval(self, found: dict[str, Any]) -> str:
        if self.of == "value":
            return ""
        return f" [{found['low']:.4g}, {found['high']:.4g}]"

    def _bound(self, *, short: bool) -> float | None:
        return self.least if short and self.least is not None else self.most

    def _asked(self, value: float, *, short: bool, over: bool) -> str:
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("at least", self.least), ("at most", self.most))
            if bound is not None
        ]
        asked = f", asked is {' and '.join(bounds)}"
        if not short and not over:
            return asked
        bound = self._bound(short=short)
        return (
            f"{asked}: {abs(value - bound):.3g} {'too little' if short else 'too much'}" if bound is not None else asked
        )
