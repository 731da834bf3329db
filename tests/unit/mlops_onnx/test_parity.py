"""The parity stage passes an honest bundle and stops one that predicts otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import numpy_helper

from mlops.errors import ParityBroken
from mlops.formats import Bundle
from mlops.testing import make_context
from mlops_onnx.parity import Parity


def tampered(bundle: Bundle, folder: Path, *, by: float) -> Bundle:
    """Move one weight of the model."""
    shutil.copytree(bundle.folder, folder)
    model = onnx.load(folder / "model.onnx")
    weights = next(item for item in model.graph.initializer if item.name == "model/coefficients")
    changed = numpy_helper.to_array(weights).copy()
    changed[0, 0] += by
    weights.CopyFrom(numpy_helper.from_array(changed, weights.name))
    onnx.save(model, folder / "model.onnx")
    return Bundle(folder)


def test_an_honest_bundle_passes(any_chain: Any, tmp_path: Path) -> None:
    facts = (
        Parity()
        .run(
            any_chain.bundle,
            any_chain.model,
            any_chain.splits,
            any_chain.prepared,
            context=make_context(tmp_path / "work"),
        )
        .facts
    )
    assert facts["rows"] == 100
    assert facts["largest"] < 1e-5
    assert facts["flips"] == 0
    assert facts["comparisons"]["one by one"]["rows"] == 60


def test_a_changed_weight_is_found(any_chain: Any, tmp_path: Path) -> None:
    wrong = tampered(any_chain.bundle, tmp_path / "wrong", by=4)
    with pytest.raises(ParityBroken, match=r"(?s)differs .* native .* bundle .* tolerance 0.0001.*row \d+ of the"):
        Parity().run(
            wrong, any_chain.model, any_chain.splits, any_chain.prepared, context=make_context(tmp_path / "work")
        )


def test_a_change_within_the_tolerance_passes(binary_chain: Any, tmp_path: Path) -> None:
    slightly = tampered(binary_chain.bundle, tmp_path / "slightly", by=0.05)
    context = make_context(tmp_path / "work")
    facts = (
        Parity(tolerance=0.1)
        .run(slightly, binary_chain.model, binary_chain.splits, binary_chain.prepared, context=context)
        .facts
    )
    assert 1e-4 < facts["largest"] <= 0.1


def test_flipped_labels_are_counted(binary_chain: Any, tmp_path: Path) -> None:
    wrong = tampered(binary_chain.bundle, tmp_path / "wrong", by=-40)
    with pytest.raises(ParityBroken, match=r"[1-9]\d* with another label"):
        Parity().run(
            wrong,
            binary_chain.model,
            binary_chain.splits,
            binary_chain.prepared,
            context=make_context(tmp_path / "work"),
        )


def test_what_training_never_saw_is_named(binary_chain: Any, tmp_path: Path) -> None:
    test = binary_chain.splits.read("test")
    strange = test.with_columns(test["amount"].set(test["amount"].is_not_null(), 1_000_000.0))
    strange.write_parquet(binary_chain.splits.folder / "test.parquet")
    with pytest.raises(ParityBroken, match=r"unlike any training row in amount=1000000\.0"):
        Parity().run(
            binary_chain.bundle,
            binary_chain.model,
            binary_chain.splits,
            binary_chain.prepared,
            context=make_context(tmp_path / "work"),
        )


def test_other_rows_than_the_models_are_refused(binary_chain: Any, tmp_path: Path) -> None:
    binary_chain.splits.read("test")[:10].write_parquet(binary_chain.splits.folder / "test.parquet")
    with pytest.raises(ParityBroken, match="60 predictions of the test part, which has 10 rows"):
        Parity().run(
            binary_chain.bundle,
            binary_chain.model,
            binary_chain.splits,
            binary_chain.prepared,
            context=make_context(tmp_path / "work"),
        )


def test_a_prediction_that_is_no_number_is_found(binary_chain: Any, tmp_path: Path) -> None:
    wrong = tampered(binary_chain.bundle, tmp_path / "wrong", by=np.nan)
    with pytest.raises(ParityBroken, match="difference inf"):
        Parity().run(
            wrong,
            binary_chain.model,
            binary_chain.splits,
            binary_chain.prepared,
            context=make_context(tmp_path / "work"),
        )


def test_features_are_compared_too(any_chain: Any, tmp_path: Path) -> None:
    chain = any_chain
    context = make_context(tmp_path / "work")
    facts = Parity().run(chain.bundle, chain.model, chain.splits, chain.prepared, context=context).facts
    assert facts["largest_of_features"] < 1e-6
    assert facts["comparisons"]["one by one"]["largest_of_features"] < 1e-6


def test_a_feature_that_is_skewed_is_named_with_row_and_values(binary_chain: Any, tmp_path: Path) -> None:
    prepared = binary_chain.prepared
    frame = prepared.read("test")
    name = prepared.facts.features[0]
    skewed = frame.with_columns(frame[name].set(pl.int_range(frame.height, eager=True) == 7, 99.0))
    skewed.write_parquet(prepared.path("test"))
    told = rf"(?s)features in 1 of 60 rows of test; worst is feature {name}: training 99, bundle .*row 7 of the test"
    with pytest.raises(ParityBroken, match=told):
        Parity().run(
            binary_chain.bundle,
            binary_chain.model,
            binary_chain.splits,
            prepared,
            context=make_context(tmp_path / "work"),
        )


def test_small_batches_find_the_same(binary_chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = binary_chain
    whole = Parity(single_rows=7).run(
        chain.bundle, chain.model, chain.splits, chain.prepared, context=make_context(tmp_path / "whole")
    )
    monkeypatch.setattr("mlops_onnx.comparing._ROWS", 13)
    parts = Parity(single_rows=7).run(
        chain.bundle, chain.model, chain.splits, chain.prepared, context=make_context(tmp_path / "parts")
    )
    assert parts.facts["comparisons"]["test"]["rows"] == 60
    assert parts.facts["comparisons"]["one by one"]["rows"] == 7
    assert parts.facts["largest"] == pytest.approx(whole.facts["largest"], abs=1e-6)


def test_rows_that_the_contract_forbids_are_left_out_and_counted(binary_chain: Any, tmp_path: Path) -> None:
    chain = binary_chain
    signature = chain.bundle.signature
    signature["inputs"][0]["expected"] = {"max": 55}
    folder = tmp_path / "strict"
    folder.mkdir()
    strict = Bundle.create(folder, chain.bundle.graph, signature=signature, lineage={})
    facts = (
        Parity().run(strict, chain.model, chain.splits, chain.prepared, context=make_context(tmp_path / "work")).facts
    )
    above = sum((chain.splits.read(part)["amount"] > 55).sum() for part in ("validation", "test"))
    assert facts["refused"] == above
    assert facts["rows"] == 100 - above
