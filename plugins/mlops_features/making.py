"""The work of the features stage, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from mlops import formats
from mlops.errors import MissingExtra
from mlops.formats.features import FeatureFacts, PreparedFacts
from mlops.formats.splits import PARTS, PartName
from mlops.stage import Context
from mlops_features.fitting import fit
from mlops_features.plan import Plan
from mlops_features.selection import select
from mlops_features.target import Target, target_of
from mlops_features.transform import transform

if TYPE_CHECKING:
    from mlops_features.features import Features

__all__ = ["make"]


def make(stage: Features, splits: formats.Splits, *, context: Context) -> tuple[formats.Features, formats.Prepared]:
    """Select columns, fit on train rows, transform all parts, compile the graph."""
    roles = splits.roles
    columns = select(stage, dict(splits.scan("train").collect_schema()), roles=roles)
    needed = dict.fromkeys(name for name in (*(c.name for c in columns), roles.target, roles.weight) if name)
    parts: dict[PartName, pl.DataFrame] = {part: splits.scan(part).select(list(needed)).collect() for part in PARTS}
    target = target_of(parts, roles, positive=stage.positive)
    plan = fit(columns, parts["train"], log=context.log)
    prepared = {part: transform(parts[part], plan).with_columns(target.prepare(parts[part])) for part in PARTS}
    return (
        formats.Features.create(
            context.output("features"),
            _graph(plan),
            facts=FeatureFacts(
                inputs=plan.inputs,
                tensors=plan.inputs,
                names=plan.names,
                example=dict(plan.example),
                history=roles.history,
            ),
        ),
        formats.Prepared.create(context.output("prepared"), prepared, facts=_facts(plan, target)),
    )


def _graph(plan: Plan) -> bytes:
    try:
        from mlops_features.graph import compile_graph
    except ModuleNotFoundError as exc:
        raise MissingExtra("onnx", extra="onnx") from exc
    return compile_graph(plan)


def _facts(plan: Plan, target: Target) -> PreparedFacts:
    return PreparedFacts(
        task=target.task,
        target=target.column,
        features=plan.names,
        categorical=tuple(item.name for item in plan.codes),
        classes=target.classes,
    )
