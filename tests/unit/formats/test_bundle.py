"""A bundle scores rows with nothing but onnxruntime, numpy and Polars."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from onnx import TensorProto, helper

from mlops.errors import StageError
from mlops.formats import Bundle

SIGNATURE = {
    "task": "binary",
    "target": "y",
    "classes": [False, True],
    "inputs": [{"name": "x", "kind": "numeric", "dtype": "Float64"}],
    "outputs": [],
    "example": {"x": 1.0},
}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Scores are (−x, x); the label is 1 where x > 0."""
    nodes = [
        helper.make_node("Neg", ["x"], ["minus"]),
        helper.make_node("Concat", ["minus", "x"], ["scores"], axis=1),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 1])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", 2]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    (tmp_path / "bundle").mkdir()
    return Bundle.create(tmp_path / "bundle", model.SerializeToString(), signature=SIGNATURE, lineage={"a": 1})


def test_labels_have_the_type_of_the_classes(bundle: Bundle) -> None:
    found = bundle.predict(pl.DataFrame({"x": [2.0, -3.0]}))
    assert found.to_dict(as_series=False) == {"label": [True, False], "score_False": [-2, 3], "score_True": [2, -3]}


def test_no_rows_give_no_predictions(bundle: Bundle) -> None:
    found = bundle.predict(pl.DataFrame({"x": []}, schema={"x": pl.Float64}))
    assert found.columns == ["label", "score_False", "score_True"]
    assert found.height == 0


def test_a_missing_column_is_named(bundle: Bundle) -> None:
    with pytest.raises(StageError, match=r"'x'.*is missing"):
        bundle.predict(pl.DataFrame({"z": [1.0]}))


def test_the_graph_is_loaded_once(bundle: Bundle) -> None:
    assert bundle.scorer() is bundle.scorer(threads=2)


def test_a_broken_graph_is_a_stage_error(bundle: Bundle) -> None:
    (bundle.folder / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(StageError, match=r"(?s)cannot load the graph.*make the bundle again"):
        bundle.predict(pl.DataFrame({"x": [1.0]}))


def test_scoring_loads_no_training_library(bundle: Bundle) -> None:
    script = (
        "import sys, polars as pl\n"
        "from mlops.formats import Bundle\n"
        "from pathlib import Path\n"
        "Bundle(Path(sys.argv[1])).predict(pl.DataFrame({'x': [1.0]}))\n"
        "print(*sorted({'onnx', 'sklearn', 'lightgbm', 'pandas', 'torch', 'pyarrow'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(bundle.folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_summary_says_task_and_size(bundle: Bundle) -> None:
    assert bundle.summary().startswith("binary on 1 columns")
