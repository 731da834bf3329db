"""Fitted features → an ONNX graph that computes the same, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper

from mlops.formats.features import Input
from mlops.formats.inputs import NULL_TIME
from mlops_features.calendar_nodes import is_null, time_parts
from mlops_features.nodes import Nodes
from mlops_features.options import TimePart
from mlops_features.parts import circle
from mlops_features.plan import PERIODS, Category, Plan, Quantity

__all__ = ["compile_graph"]

OPSET, ML_OPSET, IR = 18, 3, 10
_ML = "ai.onnx.ml"
_TENSORS = {"numeric": TensorProto.FLOAT, "categorical": TensorProto.STRING, "datetime": TensorProto.INT64}
_Times = dict[str, tuple[str, dict[TimePart, str]]]


def compile_graph(plan: Plan) -> bytes:
    """Compile features: raw columns (rows, 1) → ``features`` float32 (rows, features)."""
    nodes = Nodes("features")
    blocks = list(_blocks(nodes, plan))
    joined = helper.make_node("Concat", blocks, ["features"], name="features/joined", axis=1)
    graph = helper.make_graph(
        [*nodes.nodes, joined],
        "features",
        [_input(item) for item in plan.inputs],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", len(plan.names)])],
        initializer=nodes.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, ML_OPSET)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _input(item: Input) -> ValueInfoProto:
    return helper.make_tensor_value_info(item.name, _TENSORS[item.kind], ["rows", 1])


def _blocks(nodes: Nodes, plan: Plan) -> Iterator[str]:
    """Values (rows, n) whose columns, side by side, are the features."""
    times = _times(nodes, plan)
    if plan.quantities:
        yield from _quantities(nodes, plan, times=times)
    for item in plan.cycles:
        missing, parts = times[item.column]
        first, period = PERIODS[item.part]
        index = nodes.whole("Sub", parts[item.part], first)
        index = nodes.add("Where", missing, nodes.constant([[period]], np.int64), index)
        points = nodes.add("Gather", nodes.constant(circle(item.part), np.float32), index, axis=0)
        yield nodes.add("Flatten", points, axis=1)
    if plan.categories:
        yield from _categories(nodes, plan)


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


def _quantities(nodes: Nodes, plan: Plan, *, times: _Times) -> Iterator[str]:
    """All numbers as one matrix, then their indicators."""
    items = plan.quantities
    raw = nodes.add("Concat", *(_value(nodes, item, times=times) for item in items), axis=1)
    # A comparison with NaN is false, so this tells finite numbers from both NaN and the infinities.
    finite = nodes.add("Less", nodes.add("Abs", raw), nodes.constant(np.inf, np.float32))
    value = nodes.add("Where", finite, raw, nodes.constant([[item.fill for item in items]], np.float32))
    if any(item.centre for item in items):
        value = nodes.add("Sub", value, nodes.constant([[item.centre for item in items]], np.float32))
    if any(item.factor != 1 for item in items):
        value = nodes.add("Mul", value, nodes.constant([[item.factor for item in items]], np.float32))
    yield value
    places = [place for place, item in enumerate(items) if item.indicator]
    if places:
        some = nodes.add("Gather", nodes.add("Not", finite), nodes.constant(places, np.int64), axis=1)
        yield nodes.add("Cast", some, to=TensorProto.FLOAT)


def _value(nodes: Nodes, item: Quantity, *, times: _Times) -> str:
    if item.part is None:
        return item.column
    missing, parts = times[item.column]
    number = nodes.add("Cast", parts[item.part], to=TensorProto.FLOAT)
    return nodes.add("Where", missing, nodes.constant([[np.nan]], np.float32), number)


def _categories(nodes: Nodes, plan: Plan) -> Iterator[str]:
    """Codes of all categories as one matrix; of it the codes asked for, and the 0/1 features."""
    codes = nodes.add("Concat", *(_code(nodes, item) for item in plan.categories), axis=1)
    place = {item.name: index for index, item in enumerate(plan.categories)}
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
        values_int64s=list(range(len(item.known))),
        default_int64=len(item.known),
    )
