"""The bundle stage: one graph, its signature, its lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import polars as pl

from mlops.testing import make_context
from mlops_onnx.bundle import Bundle


def test_scores_raw_rows_as_the_native_model_scores_prepared_ones(any_chain: Any) -> None:
    native = any_chain.model.predictions("test").select(pl.col("^score_.*$")).to_numpy()
    found = any_chain.bundle.predict(any_chain.splits.read("test")).drop("label", strict=False).to_numpy()
    assert found.shape == native.shape
    assert abs(found / native - 1).max() < 1e-3


def test_labels_are_the_tables_own(binary_chain: Any) -> None:
    found = binary_chain.bundle.predict(binary_chain.splits.read("test"))
    assert found.columns == ["label", "score_no", "score_yes"]
    assert (found["label"] == "yes").to_list() == (found["score_yes"] > 0.5).to_list()


def test_signature_tells_what_goes_in_and_out(binary_chain: Any) -> None:
    signature = binary_chain.bundle.signature
    assert [item["name"] for item in signature["inputs"]] == ["amount", "colour"]
    assert signature["inputs"][1]["allowed"] == ["red", "blue"] or signature["inputs"][1]["allowed"] == ["blue", "red"]
    assert signature["outputs"][0] == {"name": "label", "dtype": "string", "shape": ["rows"]}
    assert signature["classes"] == ["no", "yes"]
    assert binary_chain.bundle.predict(pl.DataFrame([signature["example"]])).height == 1


def test_graph_has_the_outputs_of_the_signature(any_chain: Any) -> None:
    session = onnxruntime.InferenceSession(any_chain.bundle.graph, providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_outputs()] == [o["name"] for o in any_chain.bundle.signature["outputs"]]
    assert [item.name for item in session.get_inputs()] == ["amount", "colour"]


def test_lineage_is_written(binary_chain: Any) -> None:
    assert binary_chain.bundle.lineage == {"data": "abc"}


def test_same_parts_give_the_same_bytes(any_chain: Any, tmp_path: Path) -> None:
    again = Bundle().run(any_chain.features, any_chain.model, context=make_context(tmp_path / "again"))
    assert again.graph == any_chain.bundle.graph
    assert again.signature == any_chain.bundle.signature
