"""The stage that measures a model on the rows it never saw."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mlops.formats.evaluation import Evaluation
from mlops.formats.features import Prepared
from mlops.formats.model import Model
from mlops.stage import Context, Stage
from mlops_evaluate.catalogue import MetricName

__all__ = ["Evaluate"]


class Evaluate(Stage):
    """Measure a model's stored predictions, with intervals and a naive baseline, and draw a report."""

    libraries: ClassVar[tuple[str, ...]] = ("numpy", "polars")

    metrics: tuple[MetricName, ...] = ()
    """Metrics to measure; the field's standard set for the task when empty."""

    headline: MetricName | None = None
    """Metric that is named first everywhere; the first of the metrics when not given."""

    bootstrap: Annotated[int, Field(ge=0, le=100_000)] = 200
    """Resamples behind each interval; 0 gives no intervals."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Share of resamples that an interval covers."""

    threshold: Annotated[float, Field(gt=0, lt=1)] | Literal["best_f1"] = 0.5
    """Score from which a row is called positive (binary), or best_f1: the one with the best F1 on validation."""

    @model_validator(mode="after")
    def _headline_is_measured(self) -> Self:
        """Refuse a headline that the metrics leave out."""
        if self.metrics and self.headline and self.headline not in self.metrics:
            raise ValueError(f"`headline` is {self.headline}, which `metrics` does not list; add it there")
        return self

    def run(self, model: Model, prepared: Prepared, *, context: Context) -> Evaluation:
        """Measure the model and write the report."""
        from mlops_evaluate.evaluating import evaluate

        return evaluate(self, model, prepared, context=context)
