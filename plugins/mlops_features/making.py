"""The work of the features stage, step by step; rows are streamed, only single columns are read whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from mlops import formats
from mlops.errors import MissingExtra, StageError
from mlops.formats.features import FeatureFacts, PreparedFacts
from mlops.formats.splits import PARTS, PartName
from mlops.stage import Context
from mlops_features.derivation import derivation
from mlops_features.fitting import fit
from mlops_features.giving import given
from mlops_features.plan import Plan
from mlops_features.screening import screen
from mlops_features.selection import select
from mlops_features.supervision import Supervision, supervision_of
from mlops_features.target import Target, target_of
from mlops_features.transform import prepare, prepare_train

if TYPE_CHECKING:
    from mlops_features.features import Features

__all__ = ["make"]

Rows = Mapping[PartName, pl.LazyFrame]


def make(stage: Features, splits: formats.Splits, *, context: Context) -> tuple[formats.Features, formats.Prepared]:
    """Derive and select columns, fit on train rows, transform all parts, compile the graph.

    Raises:
        StageError: columns or choices do not fit, or a derived column fails on some row.
    """
    try:
        return _make(stage, splits, context=context)
    except pl.exceptions.PolarsError as exc:
        if not stage.derive:
            raise
        raise StageError(
            f"a derived column cannot be computed: {exc}", where="features.derive", fix="mend the expression"
        ) from exc


def _make(stage: Features, splits: formats.Splits, *, context: Context) -> tuple[formats.Features, formats.Prepared]:
    roles = splits.roles
    derived = derivation(stage.derive, dict(splits.scan("train").collect_schema()), roles=roles)
    columns = select(stage, derived.schema, roles=roles)
    supervised = stage.select is not None or any(column.choices.encode == "target" for column in columns)
    target, supervision = _target(stage, splits, seed=context.seed if supervised else None)
    rows: Rows = {part: derived.apply(splits.scan(part)) for part in PARTS}
    plan = fit(columns, rows["train"], log=context.log, supervision=supervision)
    if stage.select and supervision:
        plan = screen(plan, rows["train"], options=stage.select, supervision=supervision, log=context.log)
    inputs = given(plan, splits.scan("train"), derived=derived, roles=roles)
    facts = FeatureFacts(
        inputs=inputs.inputs,
        derived=derived.towards([item.name for item in plan.tensors]),
        tensors=plan.tensors,
        names=plan.names,
        example=dict(inputs.example),
        history=roles.history,
    )
    features = formats.Features.create(context.output("features"), _graph(plan), facts=facts)
    return features, _prepared(plan, rows, target=target, context=context)


def _target(stage: Features, splits: formats.Splits, *, seed: int | None) -> tuple[Target, Supervision | None]:
    """Look at target and weight of all parts; keep those of training rows only where a seed is given."""
    names = [name for name in (splits.roles.target, splits.roles.weight) if name]
    labels: dict[PartName, pl.DataFrame] = {part: splits.scan(part).select(names).collect() for part in PARTS}
    target = target_of(labels, splits.roles, positive=stage.positive)
    return target, None if seed is None else supervision_of(target, labels["train"], seed=seed)


def _graph(plan: Plan) -> bytes:
    try:
        from mlops_features.graph import compile_graph
    except ModuleNotFoundError as exc:
        raise MissingExtra("onnx", extra="onnx") from exc
    return compile_graph(plan)


def _prepared(plan: Plan, rows: Rows, *, target: Target, context: Context) -> formats.Prepared:
    beside = target.expressions(rows["train"].collect_schema())
    parts: dict[PartName, pl.DataFrame | pl.LazyFrame] = {
        part: (prepare_train if part == "train" else prepare)(rows[part], plan, beside=beside) for part in PARTS
    }
    facts = PreparedFacts(
        task=target.task,
        target=target.column,
        features=plan.names,
        categorical=plan.coded,
        classes=target.classes,
        blocks=tuple(block.block for block in plan.blocks),
    )
    return formats.Prepared.create(context.output("prepared"), parts, facts=facts)
