"""The work of the bundle stage, step by step."""

from __future__ import annotations

from typing import Any

import polars as pl

from mlops import formats
from mlops.formats.model import ModelFacts
from mlops.stage import Context
from mlops_onnx.merging import merge

__all__ = ["bundle"]


def bundle(features: formats.Features, model: formats.Model, *, context: Context) -> formats.Bundle:
    """Merge the graphs, write the signature, and score the example row once."""
    facts = model.facts
    graph = merge(features.graph, model.graph, classes=facts.classes, family=facts.family)
    made = formats.Bundle.create(
        context.output("bundle"), graph, signature=_signature(features, facts), lineage=context.lineage
    )
    made.predict(pl.DataFrame([features.facts.example]))
    return made


def _signature(features: formats.Features, facts: ModelFacts) -> dict[str, Any]:
    columns = features.facts.model_dump(mode="json")
    return {
        "task": facts.task,
        "target": facts.target,
        "classes": list(facts.classes),
        **{key: columns[key] for key in ("inputs", "derived", "tensors", "history")},
        "outputs": _outputs(facts),
        "example": columns["example"],
    }


def _outputs(facts: ModelFacts) -> list[dict[str, Any]]:
    if not facts.classes:
        return [{"name": "prediction", "dtype": "float32", "shape": ["rows"]}]
    dtype = "string" if isinstance(facts.classes[0], str) else "int64"
    return [
        {"name": "label", "dtype": dtype, "shape": ["rows"]},
        {"name": "scores", "dtype": "float32", "shape": ["rows", len(facts.classes)]},
    ]
