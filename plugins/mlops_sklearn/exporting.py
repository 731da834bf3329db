"""A fitted estimator of scikit-learn as an ONNX graph that provably predicts the same."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

from mlops.errors import StageError
from mlops_sklearn.design import Design, Floats, Singles
from mlops_sklearn.forests import ML_OPSET, tree_nodes
from mlops_sklearn.renaming import rename
from mlops_sklearn.wrapped import run_graph

__all__ = ["TOLERANCE", "Wiring", "exported"]

OPSET, IR = 18, 10
TOLERANCE = 1e-5
"""Largest difference between graph and estimator, relative for values above 1."""

_ELEMENTS = {"double": (DoubleTensorType, TensorProto.DOUBLE), "float": (FloatTensorType, TensorProto.FLOAT)}


@dataclass(frozen=True)
class Wiring:
    """How an estimator's columns relate to those of the whole."""

    design: Design
    features: int
    """Columns of the prepared matrix."""

    classes: int
    """Classes of the task; 0 for regression."""

    seen: tuple[int, ...] = ()
    """Classes that the train rows held, which are those that the estimator knows."""


def exported(estimator: Any, wiring: Wiring, *, rows: Singles, expected: Floats) -> bytes:
    """Export an estimator, trying what is most exact first.

    Args:
        estimator: fitted.
        wiring: what leads to its columns, and from its classes.
        rows: prepared rows (n, features) to prove the graph on.
        expected: what the estimator predicts for them.

    Returns:
        A graph: ``features`` float32 (rows, features) → ``scores`` float32 (rows, classes or 1).

    Raises:
        StageError: no way leads to a graph that predicts the same.
    """
    reasons: list[str] = []
    for graph, failure in _attempts(estimator, wiring):
        gap = _gap(graph, rows, expected) if graph else failure
        if isinstance(gap, float) and gap <= TOLERANCE:
            return graph
        reasons.append(gap if isinstance(gap, str) else f"its graph differs by {gap:.2g} from what it predicts")
    raise StageError(
        f"{type(estimator).__name__} cannot be shipped as ONNX: {reasons[-1]}",
        where="model.estimator",
        fix="choose another, such as RandomForest, HistGradientBoosting, MLP or LogisticRegression",
    )


def _attempts(estimator: Any, wiring: Wiring) -> Iterator[tuple[bytes, str]]:
    """Our own writer for trees; else skl2onnx in float64, which some operators cannot do, then in float32."""
    grown = tree_nodes(estimator, "design")
    if grown is not None:
        yield _assembled(grown, [], wiring, precision="float", versions={"ai.onnx.ml": ML_OPSET}), ""
        return
    for precision in _ELEMENTS:
        try:
            made = _converted(estimator, wiring, precision=precision)
        except (MissingShapeCalculator, MissingConverter):
            yield b"", "skl2onnx has no converter for it"
            return
        except (RuntimeError, ValueError, TypeError, NotImplementedError, AttributeError, IndexError) as exc:
            yield b"", f"skl2onnx fails: {_first_line(exc)}"
            continue
        answer = made.graph.output[1 if wiring.classes else 0].name
        nodes = [*made.graph.node, helper.make_node("Identity", [answer], ["raw"])]
        rename(nodes, made.graph.initializer, kept=("design", "raw"))
        versions = {item.domain: item.version for item in made.opset_import if item.domain not in {"", "ai.onnx"}}
        yield _assembled(nodes, made.graph.initializer, wiring, precision=precision, versions=versions), ""


def _converted(estimator: Any, wiring: Wiring, *, precision: str) -> ModelProto:
    width = len(wiring.design.plain) + len(wiring.design.flags)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_onnx(
            estimator,
            initial_types=[("design", _ELEMENTS[precision][0]([None, width]))],
            options={id(estimator): {"zipmap": False}} if wiring.classes else None,
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        )


def _assembled(
    nodes: Sequence[NodeProto], constants: Sequence[TensorProto], wiring: Wiring, *, precision: str, versions: Any
) -> bytes:
    """Put the design before the estimator, and the classes in their places behind it."""
    own = dict(_constants(wiring))
    whole = [*_design(wiring.design, precision), *nodes, *_scores(wiring)]
    graph = helper.make_graph(
        _needed(whole),
        "scikit-learn",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", wiring.features])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", wiring.classes or 1])],
        initializer=[*(numpy_helper.from_array(value, name) for name, value in own.items()), *constants],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in sorted({**versions, "": OPSET}.items())]
    made: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


def _constants(wiring: Wiring) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    design = wiring.design
    yield "mlops/plain", np.array(design.plain, np.int64)
    if design.flags:
        yield "mlops/coded", np.array([feature for feature, _ in design.flags], np.int64)
        yield "mlops/codes", np.array([[code for _, code in design.flags]], np.float32)
    if wiring.classes:
        # Places (seen, classes): 1 where a class that the estimator knows has its column.
        yield "mlops/places", np.eye(wiring.classes, dtype=np.float32)[list(wiring.seen)]
    else:
        yield "mlops/column", np.array([-1, 1], np.int64)


def _design(design: Design, precision: str) -> Iterator[NodeProto]:
    blocks = []
    if design.plain:
        blocks.append("mlops/quantities")
        yield helper.make_node("Gather", ["features", "mlops/plain"], blocks[-1:], name="mlops/take", axis=1)
    if design.flags:
        blocks.append("mlops/flags")
        yield helper.make_node("Gather", ["features", "mlops/coded"], ["mlops/repeated"], name="mlops/repeat", axis=1)
        yield helper.make_node("Equal", ["mlops/repeated", "mlops/codes"], ["mlops/same"], name="mlops/compare")
        yield helper.make_node("Cast", ["mlops/same"], blocks[-1:], name="mlops/flag", to=TensorProto.FLOAT)
    yield helper.make_node("Concat", blocks, ["mlops/joined"], name="mlops/join", axis=1)
    yield helper.make_node("Cast", ["mlops/joined"], ["design"], name="mlops/widen", to=_ELEMENTS[precision][1])


def _scores(wiring: Wiring) -> Iterator[NodeProto]:
    yield helper.make_node("Cast", ["raw"], ["mlops/single"], name="mlops/narrow", to=TensorProto.FLOAT)
    if not wiring.classes:
        yield helper.make_node("Reshape", ["mlops/single", "mlops/column"], ["scores"], name="mlops/shape")
    elif len(wiring.seen) < wiring.classes:
        yield helper.make_node("MatMul", ["mlops/single", "mlops/places"], ["scores"], name="mlops/place")
    else:
        yield helper.make_node("Identity", ["mlops/single"], ["scores"], name="mlops/name")


def _needed(nodes: Sequence[NodeProto]) -> list[NodeProto]:
    """Drop what the scores do not need: labels, which the bundle finds itself."""
    wanted, kept = {"scores"}, []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def _gap(graph: bytes, rows: Singles, expected: Floats) -> float | str:
    """Measure the largest difference; or say why the graph does not run."""
    try:
        found = run_graph(graph, rows)
    except Exception as exc:  # noqa: BLE001 - onnxruntime's exceptions share no public base class
        return f"onnxruntime cannot run its graph: {_first_line(exc)}"
    if found.shape != expected.shape:
        return f"its graph gives {found.shape[1]} numbers a row, not {expected.shape[1]}"
    gap = np.abs(found - expected) / np.abs(expected).clip(min=1)
    return float(gap.max(initial=0.0)) if np.isfinite(found).all() else "its graph gives values that are no numbers"


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
