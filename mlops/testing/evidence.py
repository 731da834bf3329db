"""A small bundle, and evidence around it, for testing gates, registries and targets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.formats.artifact import write_json
from mlops.formats.bundle import Bundle
from mlops.formats.evaluation import Evaluation
from mlops.formats.splits import PARTS, Splits
from mlops.formats.table import Roles
from mlops.services.gate import Champion, Evidence
from mlops.services.registry import ModelVersion
from mlops.testing.context import make_context

if TYPE_CHECKING:
    import polars as pl

__all__ = ["make_bundle", "make_champion", "make_evidence", "seal"]

_CLASSES = ("no", "yes")


def make_bundle(folder: Path, *, slope: float = 1.0) -> Bundle:
    """Make a bundle that says yes with the probability 1 / (1 + exp(-slope · amount)); needs onnx.

    Args:
        folder: where to write; made, must not exist.
        slope: the larger, the better it knows the rows of `make_evidence`; below zero it is wrong.
    """
    folder.mkdir(parents=True)
    amount = {"name": "amount", "kind": "numeric", "dtype": "Float64", "nullable": False}
    colour = {"name": "colour", "kind": "categorical", "dtype": "String", "allowed": ["red", "blue"]}
    signature = {
        "task": "binary",
        "target": "y",
        "classes": list(_CLASSES),
        "inputs": [amount, colour],
        "derived": [],
        "tensors": [amount],
        "history": [],
        "outputs": [],
        "example": {"amount": 0.5, "colour": "red"},
    }
    return Bundle.create(folder, _graph(slope), signature=signature, lineage={"made": "by hand"})


def _graph(slope: float) -> bytes:
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Mul", ["amount", "slope"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["scores"], axis=1),
        helper.make_node("ArgMax", ["scores"], ["place"], axis=1, keepdims=0),
        helper.make_node("Gather", ["names", "place"], ["label"], axis=0),
    ]
    constants = [
        helper.make_tensor("slope", TensorProto.FLOAT, [1], [slope]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("names", TensorProto.STRING, [2], [name.encode() for name in _CLASSES]),
    ]
    graph = helper.make_graph(
        nodes,
        "by_hand",
        [helper.make_tensor_value_info("amount", TensorProto.FLOAT, ["rows", 1])],
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["rows"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", 2]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made: bytes = model.SerializeToString()
    return made


def seal(folder: Path) -> str:
    """Write the manifest that the store writes beside an artifact's files; give the artifact's digest."""
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "digest": _digest(path.read_bytes())}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }
    content = (json.dumps({"files": files}, sort_keys=True, indent=1) + "\n").encode()
    (folder / "manifest.json").write_bytes(content)
    return _digest(content)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=32).hexdigest()


def make_evidence(folder: Path, *, slope: float = 1.0, rows: int = 400, champion: Champion | None = None) -> Evidence:
    """Make evidence of a candidate on test rows where yes has the probability 1 / (1 + exp(-amount)).

    Args:
        folder: where to write; made, must not exist.
        slope: of the candidate; 1 is the truth.
        rows: of test.
        champion: what it is held against; see `make_champion`.
    """
    folder.mkdir(parents=True)
    splits = _splits(folder / "splits", rows)
    bundle = make_bundle(folder / "bundle", slope=slope)
    context = replace(make_context(folder / "work", seed=3), digests={"bundle": seal(bundle.folder)})
    return Evidence(bundle, splits, _evaluation(folder / "evaluation", bundle, splits), champion, context)


def make_champion(folder: Path, *, slope: float = 1.0, version: int = 1) -> Champion:
    """Make a champion with a bundle of its own."""
    bundle = make_bundle(folder, slope=slope)
    digest = seal(folder)
    return Champion(ModelVersion("small", version, digest, folder, "2024-01-01T00:00:00+00:00"), bundle)


def _splits(folder: Path, rows: int) -> Splits:
    folder.mkdir()
    roles = Roles(target="y", task="binary")
    return Splits.create(folder, {part: _rows(rows, seed) for seed, part in enumerate(PARTS)}, roles=roles, checks={})


def _rows(count: int, seed: int) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(seed)
    amount = rng.normal(0, 2, count)
    label = np.where(rng.random(count) < 1 / (1 + np.exp(-amount)), "yes", "no")
    colour = np.where(rng.random(count) < 0.7, "red", "blue")
    return pl.DataFrame({"amount": amount, "colour": colour.tolist(), "y": label.tolist()})


def _evaluation(folder: Path, bundle: Bundle, splits: Splits) -> Evaluation:
    """An evaluation of two metrics, with intervals that are only wide."""
    import numpy as np

    folder.mkdir()
    scored = bundle.predict(splits.read("test"))
    truth = (splits.read("test")["y"] == "yes").to_numpy().astype(float)
    score = scored["score_yes"].to_numpy().astype(float)
    values = {
        "accuracy": float(np.mean((score >= 0.5) == (truth == 1))),
        "brier": float(np.mean((score - truth) ** 2)),
    }
    test: Mapping[str, Any] = {
        name: {"value": value, "low": value - 0.05, "high": value + 0.05, "baseline": None}
        for name, value in values.items()
    }
    facts = {"task": "binary", "headline": "accuracy", "threshold": {"value": 0.5}, "metrics": {"test": test}}
    made = Evaluation(folder)
    write_json(folder / "evaluation.json", facts)
    return made
