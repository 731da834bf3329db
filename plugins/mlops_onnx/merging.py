"""Two ONNX graphs → one, with the outputs that people ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, compose, helper, load_from_string, version_converter

from mlops.errors import StageError

__all__ = ["merge"]

_DEFAULT_DOMAIN = ("", "ai.onnx")
Classes = Sequence[str | int | float | bool]


def merge(features: bytes, model: bytes, *, classes: Classes, family: str) -> bytes:
    """Put the model behind the features.

    Args:
        features: raw columns → ``features``.
        model: ``features`` → ``scores``.
        classes: the labels, in the order of the scores; empty for regression.
        family: who exported the model, for the message when it cannot be used.

    Returns:
        A graph: raw columns → ``label`` (text or int64) and ``scores``, or ``prediction``.

    Raises:
        StageError: the model's graph has other inputs or outputs, or cannot be merged.
    """
    first, second = load_from_string(features), load_from_string(model)
    _refuse_strange(second, family)
    try:
        first, second = _same_versions(first, compose.add_prefix(second, "model/"))
        joined = compose.merge_models(first, second, io_map=[("features", "model/features")], producer_name="mlops")
    except (ValueError, RuntimeError) as exc:
        raise StageError(f"the graphs of the features and of {family} cannot be merged: {exc}") from exc
    _name_outputs(joined, classes)
    _import_once(joined)
    _check(joined)
    return bytes(joined.SerializeToString(deterministic=True))


def _import_once(model: ModelProto) -> None:
    """Leave each operator set named once."""
    versions = {item.domain: item.version for item in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in versions.items())


def _check(model: ModelProto) -> None:
    """Check what the ONNX standard knows; operators of other domains are left to the runtime that has them.

    onnx infers no shapes through such operators and can crash in trying.
    """
    checker.check_model(model, full_check=not _foreign(model))


def _foreign(model: ModelProto) -> set[str]:
    """Domains of operators that the ONNX standard does not know."""
    return {item.domain for item in model.opset_import} - {*_DEFAULT_DOMAIN, "ai.onnx.ml"}


def _refuse_strange(model: ModelProto, family: str) -> None:
    constants = {item.name for item in model.graph.initializer}
    inputs = [item.name for item in model.graph.input if item.name not in constants]
    outputs = [item.name for item in model.graph.output]
    if inputs != ["features"] or outputs != ["scores"]:
        raise StageError(
            f"{family} exports a graph {', '.join(inputs)} → {', '.join(outputs)}",
            fix="its onnx() must return a graph with one input 'features' and one output 'scores'",
        )


def _same_versions(*models: ModelProto) -> tuple[ModelProto, ...]:
    """Bring graphs to the newest operator sets among them."""
    newest: dict[str, int] = {}
    for model in models:
        for item in model.opset_import:
            domain = "" if item.domain in _DEFAULT_DOMAIN else item.domain
            newest[domain] = max(newest.get(domain, 0), item.version)
    return tuple(_raised(model, newest, ir=max(m.ir_version for m in models)) for model in models)


def _raised(model: ModelProto, newest: dict[str, int], *, ir: int) -> ModelProto:
    """Raise one graph; operators of other domains keep their meaning from version to version."""
    own = next((item.version for item in model.opset_import if item.domain in _DEFAULT_DOMAIN), newest[""])
    if own < newest[""] and _foreign(model):
        # The converter crashes the whole process on operators that it does not know.
        raise ValueError(f"one has operator set {own} with {', '.join(_foreign(model))}, the other {newest['']}")
    raised = version_converter.convert_version(model, newest[""]) if own < newest[""] else model
    del raised.opset_import[:]
    raised.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in sorted(newest.items()))
    raised.ir_version = ir
    return raised


def _name_outputs(model: ModelProto, classes: Classes) -> None:
    graph = model.graph
    graph.name = "bundle"
    del graph.output[:]
    if not classes:
        graph.initializer.append(helper.make_tensor("bundle/column", TensorProto.INT64, [1], [1]))
        graph.node.append(_node("Squeeze", ["model/scores", "bundle/column"], "prediction"))
        graph.output.append(helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["rows"]))
        return
    kind, values = _labels(classes)
    graph.initializer.append(helper.make_tensor("bundle/classes", kind, [len(values)], values))
    graph.node.append(_node("ArgMax", ["model/scores"], "bundle/best", axis=1, keepdims=0))
    graph.node.append(_node("Gather", ["bundle/classes", "bundle/best"], "label", axis=0))
    graph.node.append(_node("Identity", ["model/scores"], "scores"))
    graph.output.append(helper.make_tensor_value_info("label", kind, ["rows"]))
    graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", len(values)]))


def _node(operator: str, inputs: list[str], output: str, **attributes: int) -> NodeProto:
    return helper.make_node(operator, inputs, [output], name=f"bundle/{operator}", **attributes)


def _labels(classes: Classes) -> tuple[int, list[bytes] | list[int]]:
    """The labels as an ONNX type and its values; true and false are 1 and 0."""
    if isinstance(classes[0], str):
        return TensorProto.STRING, [str(name).encode() for name in classes]
    return TensorProto.INT64, np.asarray(classes).astype(np.int64).tolist()
