"""Several models' ONNX graphs → one graph: their scores, weighed and added."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto, NodeProto, TensorProto, checker, compose, helper, load_from_string, version_converter

from mlops.errors import StageError

__all__ = ["joined"]

_DEFAULT = ("", "ai.onnx")
_KNOWN = {*_DEFAULT, "ai.onnx.ml"}


def joined(graphs: Sequence[bytes], weights: Sequence[float], *, width: int, features: int) -> bytes:
    """Join graphs that all take ``features`` (rows, features) and give ``scores`` (rows, width).

    Raises:
        StageError: graphs of different operator sets cannot be brought together.
    """
    models = _same_versions([load_from_string(graph) for graph in graphs])
    parts = [compose.add_prefix(model, f"member_{index}/") for index, model in enumerate(models)]
    graph = helper.make_graph(
        [],
        "ensemble",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", features])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", width])],
    )
    functions = []
    for index, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        prefix = f"member_{index}"
        graph.node.append(_node("Identity", ["features"], f"{prefix}/features"))
        graph.node.extend(part.graph.node)
        graph.initializer.extend(part.graph.initializer)
        graph.sparse_initializer.extend(part.graph.sparse_initializer)
        graph.initializer.append(helper.make_tensor(f"{prefix}/weight", TensorProto.FLOAT, [1], [weight]))
        graph.node.append(_node("Mul", [f"{prefix}/scores", f"{prefix}/weight"], f"{prefix}/share"))
        functions.extend(part.functions)
    graph.node.append(_node("Sum", [f"member_{index}/share" for index in range(len(parts))], "scores"))
    made: ModelProto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(name, number) for name, number in sorted(_versions(models).items())],
        ir_version=max(model.ir_version for model in models),
        producer_name="mlops",
        functions=functions,
    )
    try:
        checker.check_model(made, full_check=set(_versions(models)) <= _KNOWN)
    except checker.ValidationError as exc:
        why = str(exc).splitlines()[0]
        raise StageError(
            f"the members' graphs cannot stand in one: {why}", fix="leave one of their model families out"
        ) from exc
    return bytes(made.SerializeToString(deterministic=True))


def _node(operator: str, inputs: list[str], output: str) -> NodeProto:
    return helper.make_node(operator, inputs, [output], name=f"{output}/{operator}")


def _versions(models: Sequence[ModelProto]) -> dict[str, int]:
    """The newest of each operator set."""
    newest: dict[str, int] = {}
    for model in models:
        for item in model.opset_import:
            name = "" if item.domain in _DEFAULT else item.domain
            newest[name] = max(newest.get(name, 0), item.version)
    return newest


def _same_versions(models: list[ModelProto]) -> list[ModelProto]:
    """Bring graphs to the newest default operator set among them; operators of other domains keep their meaning."""
    newest = _versions(models)[""]
    return [model if _own(model) == newest else _raised(model, newest) for model in models]


def _own(model: ModelProto) -> int:
    return next((int(item.version) for item in model.opset_import if item.domain in _DEFAULT), 0)


def _raised(model: ModelProto, newest: int) -> ModelProto:
    foreign = {item.domain for item in model.opset_import} - _KNOWN
    if foreign:
        # The converter crashes the whole process on operators that it does not know.
        raise StageError(
            f"a member has operator set {_own(model)} with {', '.join(sorted(foreign))}, another one {newest}",
            fix="leave one of the two model families out",
        )
    return version_converter.convert_version(model, newest)
