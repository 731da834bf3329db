"""Joining graphs of other making: other operator sets, other names, whole labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from mlops.errors import StageError
from mlops_onnx.merging import merge


def graph(
    operator: str, names: tuple[str, str], *, opset: int = 18, ir: int = 10, width: int = 2, **attributes: Any
) -> bytes:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]) for name in names]
    node = helper.make_node(operator, [names[0]], [names[1]], name="node", **attributes)
    made = helper.make_model(
        helper.make_graph([node], "g", value[:1], value[1:]),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=ir,
    )
    return bytes(made.SerializeToString())


FEATURES = graph("Neg", ("raw", "features"))
SOFTMAX = ("features", "scores")


def run(joined: bytes, *row: float) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(joined, providers=["CPUExecutionProvider"])
    values = session.run(None, {"raw": np.array([row], np.float32)})
    return dict(zip([item.name for item in session.get_outputs()], values, strict=True))


def test_label_is_the_class_of_the_largest_score() -> None:
    found = run(merge(FEATURES, graph("Softmax", SOFTMAX, axis=1), classes=("a", "b"), family="F"), 1.0, -1.0)
    assert found["label"].tolist() == ["b"]
    assert found["scores"][0].argmax() == 1


def test_whole_labels_stay_whole() -> None:
    found = run(merge(FEATURES, graph("Softmax", SOFTMAX, axis=1), classes=(-7, 9), family="F"), 1.0, -1.0)
    assert found["label"].tolist() == [9]


def test_true_and_false_are_one_and_zero() -> None:
    found = run(merge(FEATURES, graph("Softmax", SOFTMAX, axis=1), classes=(False, True), family="F"), 1.0, -1.0)
    assert found["label"].tolist() == [1]


@pytest.mark.parametrize(("opset", "ir"), [(11, 6), (20, 9), (21, 10)])
def test_graphs_of_other_operator_sets_are_joined(opset: int, ir: int) -> None:
    model = graph("Softmax", SOFTMAX, axis=1, opset=opset, ir=ir)
    joined = merge(FEATURES, model, classes=("a", "b"), family="F")
    assert run(joined, 3.0, -1.0)["scores"][0] == pytest.approx([0.0179862, 0.9820138], abs=1e-6)
    assert onnx.load_from_string(joined).opset_import[0].version == max(18, opset)


def test_values_come_out_as_one_prediction_a_row() -> None:
    features, model = graph("Neg", ("raw", "features"), width=1), graph("Neg", SOFTMAX, width=1)
    assert run(merge(features, model, classes=(), family="F"), 5.0)["prediction"].tolist() == [5.0]


def test_a_graph_with_other_names_is_refused() -> None:
    with pytest.raises(StageError, match=r"(?s)mine\.Family exports a graph x → y.*'features'.*'scores'"):
        merge(FEATURES, graph("Neg", ("x", "y")), classes=(), family="mine.Family")


def foreign_features(opset: int) -> bytes:
    """Features that use an operator of onnxruntime's own."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 2]) for name in ("raw", "features")]
    node = helper.make_node("Gelu", ["raw"], ["features"], domain="com.microsoft")
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(helper.make_graph([node], "g", value[:1], value[1:]), opset_imports=opsets, ir_version=10)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("opset", [18, 20])
def test_operators_of_the_runtime_alone_are_kept(opset: int) -> None:
    joined = merge(foreign_features(20), graph("Softmax", SOFTMAX, axis=1, opset=opset), classes=("a", "b"), family="F")
    assert run(joined, 3.0, -1.0)["label"].tolist() == ["a"]
    assert [item.domain for item in onnx.load_from_string(joined).opset_import] == ["", "com.microsoft"]


def test_operators_of_the_runtime_alone_cannot_be_raised() -> None:
    with pytest.raises(
        StageError, match=r"cannot be merged: one has operator set 18 with com\.microsoft, the other 20"
    ):
        merge(foreign_features(18), graph("Softmax", SOFTMAX, axis=1, opset=20), classes=("a", "b"), family="F")
