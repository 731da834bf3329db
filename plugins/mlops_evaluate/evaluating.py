"""The work of the evaluate stage: read, measure, draw, write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops.errors import StageError
from mlops.formats.evaluation import Evaluation
from mlops.formats.features import Prepared
from mlops.formats.model import Model, ModelFacts
from mlops.stage import Context
from mlops_evaluate.baseline import constant_scores
from mlops_evaluate.catalogue import METRICS, MetricName, for_task
from mlops_evaluate.findings import Findings
from mlops_evaluate.measuring import Measured, Setting, measure
from mlops_evaluate.page import fragment, page
from mlops_evaluate.scored import Scored, read_scored
from mlops_evaluate.threshold import Threshold, choose_threshold

if TYPE_CHECKING:
    from mlops_evaluate.evaluate import Evaluate

__all__ = ["evaluate"]

_PARTS = ("validation", "test")


def evaluate(stage: Evaluate, model: Model, prepared: Prepared, *, context: Context) -> Evaluation:
    """Measure a model's stored predictions and draw them.

    Raises:
        StageError: the predictions cannot be judged, or a metric does not fit the task.
    """
    facts = model.facts
    _check_pair(facts, prepared)
    parts = {part: read_scored(model, part) for part in _PARTS}
    if not parts["test"].rows:
        raise StageError("the test part has no rows to judge by", fix="give the split a larger `test`")
    threshold = choose_threshold(stage.threshold, parts["validation"]) if facts.task == "binary" else None
    setting = _setting(stage, facts, threshold, seed=context.seed)
    metrics = _measure_all(parts, setting, prepared, context=context)
    findings = Findings(
        facts=facts,
        setting=setting,
        headline=stage.headline or setting.names[0],
        threshold=threshold,
        parts=parts,
        metrics=metrics,
    )
    _report_metrics(metrics, context)
    body = fragment(findings)
    title = f"Evaluation of {facts.target}"
    return Evaluation.create(context.output("evaluation"), _written(findings), report=page(title, body), fragment=body)


def _check_pair(facts: ModelFacts, prepared: Prepared) -> None:
    other = prepared.facts
    if (facts.task, facts.target, facts.classes) != (other.task, other.target, other.classes):
        raise StageError(
            f"the model predicts {facts.target!r} ({facts.task}), the prepared parts hold"
            f" {other.target!r} ({other.task}) or other classes",
            fix="let both come from one features stage: see `inputs` of the evaluate stage",
        )


def _setting(stage: Evaluate, facts: ModelFacts, threshold: Threshold | None, *, seed: int) -> Setting:
    if stage.headline:
        for_task(facts.task, (stage.headline,))
    names = for_task(facts.task, stage.metrics)
    if stage.headline:
        names = tuple(dict.fromkeys((stage.headline, *names)))
    return Setting(
        task=facts.task,
        names=names,
        threshold=threshold.value if threshold else 0.5,
        bootstrap=stage.bootstrap,
        confidence=stage.confidence,
        seed=seed,
    )


def _measure_all(
    parts: Mapping[str, Scored], setting: Setting, prepared: Prepared, *, context: Context
) -> dict[str, Mapping[MetricName, Measured]]:
    constant = constant_scores(prepared)
    found: dict[str, Mapping[MetricName, Measured]] = {}
    for step, part in enumerate(_PARTS):
        context.progress(step, len(_PARTS), f"measuring {part}")
        if parts[part].rows:
            found[part] = measure(parts[part], setting.reseeded(step), constant=constant)
    context.progress(len(_PARTS), len(_PARTS), "drawing the report")
    return found


def _report_metrics(metrics: Mapping[str, Mapping[MetricName, Measured]], context: Context) -> None:
    for part, measured in metrics.items():
        for name, found in measured.items():
            if found.value is not None:
                context.metric(f"{part}.{name}", found.value)
            else:
                context.log.warning("%s.%s is undefined: %s", part, name, found.reason)


def _written(findings: Findings) -> dict[str, Any]:
    setting, threshold = findings.setting, findings.threshold
    return {
        "task": setting.task,
        "target": findings.facts.target,
        "classes": list(findings.facts.classes),
        "headline": findings.headline,
        "confidence": setting.confidence,
        "bootstrap": setting.bootstrap,
        "threshold": {"value": threshold.value, "origin": threshold.origin} if threshold else None,
        "rows": {part: scored.rows for part, scored in findings.parts.items()},
        "better": {name: METRICS[name].better for name in setting.names},
        "metrics": {
            part: {name: found.to_json() for name, found in measured.items()}
            for part, measured in findings.metrics.items()
        },
        "confusion": findings.confusion(),
    }
