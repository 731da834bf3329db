"""Numbers in ONNX: all as one matrix, filled and brought into shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from mlops_features.nodes import Nodes
from mlops_features.piece_nodes import piece_values
from mlops_features.plan import Plan, Quantity

__all__ = ["NumberBlocks", "number_blocks"]


class NumberBlocks(NamedTuple):
    """Values (rows, n), each a list because there may be none."""

    numbers: list[str]
    indicators: list[str]
    flags: list[str]


def number_blocks(nodes: Nodes, plan: Plan, *, values: Sequence[str]) -> NumberBlocks:
    """Add the nodes of all quantities.

    Args:
        nodes: where nodes are added.
        plan: the fitted features.
        values: float32 (rows, 1) of each quantity, in the order of ``plan.ordered``; missing is NaN.
    """
    items = plan.ordered
    if not items:
        return NumberBlocks([], [], [])
    raw = nodes.add("Concat", *values, axis=1)
    # A comparison with NaN is false, so this tells finite numbers from both NaN and the infinities.
    finite = nodes.add("Less", nodes.add("Abs", raw), nodes.constant(np.inf, np.float32))
    fills = nodes.constant([[item.fill for item in items]], np.float32)
    filled = nodes.add("Where", finite, _clipped(nodes, raw, items), fills)
    numbers, flags = _shaped(nodes, filled, plan)
    return NumberBlocks(numbers, _indicators(nodes, finite, items), flags)


def _clipped(nodes: Nodes, raw: str, items: Sequence[Quantity]) -> str:
    bounds = [item.clip or (-np.inf, np.inf) for item in items]
    if not any(item.clip for item in items):
        return raw
    low, high = (nodes.constant([list(side)], np.float32) for side in zip(*bounds, strict=True))
    return nodes.add("Min", nodes.add("Max", raw, low), high)


def _indicators(nodes: Nodes, finite: str, items: Sequence[Quantity]) -> list[str]:
    places = [place for place, item in enumerate(items) if item.indicator]
    if not places:
        return []
    some = nodes.add("Gather", nodes.add("Not", finite), nodes.constant(places, np.int64), axis=1)
    return [nodes.add("Cast", some, to=TensorProto.FLOAT)]


def _shaped(nodes: Nodes, filled: str, plan: Plan) -> tuple[list[str], list[str]]:
    """Bring each run of columns into its shape."""
    items = plan.ordered
    numbers, flags = [], []
    lines = [item for item in items if item.shape == "line"]
    powers = [item for item in items if item.shape == "power"]
    curves = [item for item in items if item.pieces]
    if lines:
        numbers.append(_lines(nodes, _some(nodes, filled, start=0, stop=len(lines), of=len(items)), lines))
    if powers:
        stop = len(lines) + len(powers)
        numbers.append(_powers(nodes, _some(nodes, filled, start=len(lines), stop=stop, of=len(items)), powers))
    if curves:
        start = len(items) - len(curves)
        given = _some(nodes, filled, start=start, stop=len(items), of=len(items))
        made = piece_values(nodes, given, [item.pieces for item in curves if item.pieces])
        plain = len(curves) - len(plan.binned)
        if plain:
            numbers.append(_some(nodes, made, start=0, stop=plain, of=len(curves)))
        if plan.binned:
            flags.append(_flags(nodes, made, plan.binned, first=plain))
    return numbers, flags


def _some(nodes: Nodes, matrix: str, *, start: int, stop: int, of: int) -> str:
    """Take columns from one on and before another."""
    if stop - start == of:
        return matrix
    starts, stops, axes = (nodes.constant([number], np.int64) for number in (start, stop, 1))
    return nodes.add("Slice", matrix, starts, stops, axes)


def _lines(nodes: Nodes, value: str, items: Sequence[Quantity]) -> str:
    if any(item.centre for item in items):
        value = nodes.add("Sub", value, nodes.constant([[item.centre for item in items]], np.float32))
    if any(item.factor != 1 for item in items):
        value = nodes.add("Mul", value, nodes.constant([[item.factor for item in items]], np.float32))
    return value


def _powers(nodes: Nodes, value: str, items: Sequence[Quantity]) -> str:
    """Yeo and Johnson's transformation in float64, as ``Power.apply`` has it."""
    powers = [item.power for item in items if item.power]
    positive, negative, centre, factor = (
        nodes.constant([[getattr(power, name) for power in powers]], np.float64)
        for name in ("positive", "negative", "centre", "factor")
    )
    one = nodes.constant([[1]], np.float64)
    wide = nodes.add("Cast", value, to=TensorProto.DOUBLE)
    below = nodes.add("Less", wide, nodes.constant([[0]], np.float64))
    exponent = nodes.add("Where", below, negative, positive)
    raised = nodes.add("Pow", nodes.add("Add", nodes.add("Abs", wide), one), exponent)
    size = nodes.add("Div", nodes.add("Sub", raised, one), exponent)
    bent = nodes.add("Where", below, nodes.add("Neg", size), size)
    scaled = nodes.add("Mul", nodes.add("Sub", bent, centre), factor)
    return nodes.add("Cast", scaled, to=TensorProto.FLOAT)


def _flags(nodes: Nodes, codes: str, items: Sequence[Quantity], *, first: int) -> str:
    """0/1 features of bins from their numbers."""
    pairs = [(first + place, code) for place, item in enumerate(items) for code in range(len(item.flags))]
    which = nodes.constant([place for place, _ in pairs], np.int64)
    wanted = nodes.constant([[code for _, code in pairs]], np.float32)
    same = nodes.add("Equal", nodes.add("Gather", codes, which, axis=1), wanted)
    return nodes.add("Cast", same, to=TensorProto.FLOAT)
