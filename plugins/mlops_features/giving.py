"""What people give so that features can be made: columns, their contracts, a typical row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from mlops.formats import Roles
from mlops.formats.features import Input
from mlops_features.derivation import Derivation
from mlops_features.description import describe, typical
from mlops_features.plan import Plan
from mlops_features.selection import kind_of
from mlops_features.text import typical_text

__all__ = ["Given", "given"]


class Given(NamedTuple):
    """The columns that people give."""

    inputs: tuple[Input, ...]
    example: Mapping[str, Any]


def given(plan: Plan, train: pl.LazyFrame, *, derived: Derivation, roles: Roles) -> Given:
    """List the columns behind a plan, those that only derived columns need among them.

    Args:
        plan: the fitted features.
        train: training rows, without the derived columns.
        derived: the derived columns.
        roles: holds the columns' contracts.
    """
    known = {item.name: item for item in plan.tensors}
    names = derived.sources(list(known))
    example = dict(plan.example)
    texts = set(derived.sources([item.name for item in plan.tensors if item.kind == "text"]))
    for name in names:
        if name not in known:
            series = train.select(name).collect(engine="streaming").to_series()
            kind = kind_of(name, series.dtype)
            is_text = name in texts and series.dtype == pl.String
            known[name], example[name] = _text(series) if is_text else _described(series, kind)
    inputs = (known[name].model_copy(update={"expected": roles.expected.get(name)}) for name in names)
    return Given(tuple(inputs), {name: example[name] for name in names})


def _text(series: pl.Series) -> tuple[Input, str]:
    """Describe a text that is part of a derived one; its example is made of words, for a whole text is somebody's."""
    return Input(name=series.name, kind="text", dtype="String", nullable=bool(series.null_count())), typical_text(
        series
    )


def _described(series: pl.Series, kind: Any) -> tuple[Input, Any]:
    item, raw = describe(series, kind)
    if kind == "numeric":
        finite = raw.filter(raw.is_finite()).cast(pl.Float64)
        item = item.model_copy(update={"low": finite.min(), "high": finite.max()})
    return item, typical(series, kind)
