"""Fitted features → an ONNX graph that computes the same: bit for bit, but for TF-IDF, which may differ by 1e-7."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper

from mlops.formats.features import Input
from mlops.formats.inputs import NULL_TIME
from mlops_features.calendar_nodes import is_null, time_parts
from mlops_features.category_nodes import category_blocks
from mlops_features.nodes import Nodes
from mlops_features.number_nodes import number_blocks
from mlops_features.options import TimePart
from mlops_features.parts import circle
from mlops_features.plan import PERIODS, Plan, Quantity

__all__ = ["compile_graph"]

OPSET, ML_OPSET, IR = 18, 3, 10
_ML = "ai.onnx.ml"
_TENSORS = {
    "numeric": TensorProto.FLOAT,
    "categorical": TensorProto.STRING,
    "datetime": TensorProto.INT64,
    "text": TensorProto.STRING,
    "image": TensorProto.FLOAT,
}
_Times = dict[str, tuple[str, dict[TimePart, str]]]


def compile_graph(plan: Plan) -> bytes:
    """Compile features: raw columns (rows, 1) → ``features`` float32 (rows, features)."""
    nodes = Nodes("features")
    blocks = [*_kept(nodes, plan), *(block.emit(nodes) for block in plan.blocks)]
    joined = helper.make_node("Concat", blocks, ["features"], name="features/joined", axis=1)
    graph = helper.make_graph(
        [*nodes.nodes, joined],
        "features",
        [_input(item) for item in plan.tensors],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", len(plan.names)])],
        initializer=nodes.constants,
    )
    opset = max([OPSET, *(block.opset for block in plan.blocks)])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(_ML, ML_OPSET)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _input(item: Input) -> ValueInfoProto:
    return helper.make_tensor_value_info(item.name, _TENSORS[item.kind], ["rows", item.width])


def _kept(nodes: Nodes, plan: Plan) -> list[str]:
    """Values (rows, n) whose columns, side by side, are the single features."""
    blocks = list(_blocks(nodes, plan))
    if not plan.left_out:
        return blocks
    places = [place for place, name in enumerate(plan.all_names) if name not in plan.left_out]
    made = nodes.add("Concat", *blocks, axis=1)
    return [nodes.add("Gather", made, nodes.constant(places, np.int64), axis=1)]


def _blocks(nodes: Nodes, plan: Plan) -> Iterator[str]:
    """Values (rows, n) whose columns, side by side, are the single features, and those left out among them."""
    times = _times(nodes, plan)
    made = number_blocks(nodes, plan, values=[_value(nodes, item, times=times) for item in plan.ordered])
    yield from (*made.numbers, *made.indicators)
    for item in plan.cycles:
        missing, parts = times[item.column]
        first, period = PERIODS[item.part]
        index = nodes.whole("Sub", parts[item.part], first)
        index = nodes.add("Where", missing, nodes.constant([[period]], np.int64), index)
        points = nodes.add("Gather", nodes.constant(circle(item.part), np.float32), index, axis=0)
        yield nodes.add("Flatten", points, axis=1)
    yield from category_blocks(nodes, plan)
    yield from made.flags


def _times(nodes: Nodes, plan: Plan) -> _Times:
    """Column → where it is missing, and its parts."""
    wanted: dict[str, list[TimePart]] = {}
    pairs = [(item.column, item.part) for item in plan.quantities] + [(item.column, item.part) for item in plan.cycles]
    for column, part in pairs:
        if part:
            wanted.setdefault(column, []).append(part)
    made = {}
    for name, parts in wanted.items():
        missing, present = is_null(nodes, name, null=NULL_TIME)
        made[name] = (missing, time_parts(nodes, present, wanted=parts))
    return made


def _value(nodes: Nodes, item: Quantity, *, times: _Times) -> str:
    if item.part is None:
        return item.column
    missing, parts = times[item.column]
    number = nodes.add("Cast", parts[item.part], to=TensorProto.FLOAT)
    return nodes.add("Where", missing, nodes.constant([[np.nan]], np.float32), number)
