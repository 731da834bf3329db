"""Categories in ONNX: numbers looked up, codes, 0/1 features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import TensorProto

from mlops_features.nodes import Nodes
from mlops_features.plan import Category, Plan

__all__ = ["category_blocks"]

_ML = "ai.onnx.ml"


def category_blocks(nodes: Nodes, plan: Plan) -> Iterator[str]:
    """Add the nodes of all categories: values (rows, n) in the order of the plan's features."""
    yield from (_numbers(nodes, item) for item in plan.lookups)
    coded = [item for item in plan.categories if not item.numbers]
    if coded:
        yield from _codes(nodes, plan, coded)


def _codes(nodes: Nodes, plan: Plan, coded: Sequence[Category]) -> Iterator[str]:
    """Codes of all categories as one matrix; of it the codes asked for, and the 0/1 features."""
    codes = nodes.add("Concat", *(_code(nodes, item) for item in coded), axis=1)
    place = {item.name: index for index, item in enumerate(coded)}
    if plan.codes:
        which = nodes.constant([place[item.name] for item in plan.codes], np.int64)
        yield nodes.add("Cast", nodes.add("Gather", codes, which, axis=1), to=TensorProto.FLOAT)
    pairs = [(place[item.name], code) for item in plan.onehots for code in range(item.width)]
    if pairs:
        which = nodes.constant([column for column, _ in pairs], np.int64)
        wanted = nodes.constant([[code for _, code in pairs]], np.int64)
        same = nodes.add("Equal", nodes.add("Gather", codes, which, axis=1), wanted)
        yield nodes.add("Cast", same, to=TensorProto.FLOAT)


def _code(nodes: Nodes, item: Category) -> str:
    return nodes.add(
        "LabelEncoder",
        item.name,
        domain=_ML,
        keys_strings=list(item.known),
        values_int64s=list(item.codes),
        default_int64=item.other,
    )


def _numbers(nodes: Nodes, item: Category) -> str:
    """Numbers of a category; one is looked up at once, several through its code."""
    *rows, other = item.numbers
    if len(item.columns) == 1:
        return nodes.add(
            "LabelEncoder",
            item.name,
            domain=_ML,
            keys_strings=list(item.known),
            values_floats=[row[0] for row in rows],
            default_float=other[0],
        )
    table = nodes.constant(item.numbers, np.float32)
    return nodes.add("Flatten", nodes.add("Gather", table, _code(nodes, item), axis=0), axis=1)
