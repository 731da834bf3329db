"""``mlops predict``: files in, files out, whatever their kind; and what is said when that cannot be."""

from __future__ import annotations

import gzip
import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from onnx import TensorProto, helper

from mlops.cli import main
from mlops.formats import Bundle
from mlops.prediction.writing import Sink
from mlops.store import Store

INPUTS: list[dict[str, Any]] = [
    {"name": "x", "kind": "numeric", "dtype": "Int64", "expected": {"max": 1000}},
    {"name": "colour", "kind": "categorical", "dtype": "String"},
]
TENSORS = [{"name": "double", "kind": "numeric", "dtype": "Int64"}, INPUTS[1]]


def make_bundle(folder: Path) -> Bundle:
    """The prediction is twice x, and one more for red."""
    code = helper.make_node(
        "LabelEncoder",
        ["colour"],
        ["code"],
        domain="ai.onnx.ml",
        keys_strings=["red"],
        values_floats=[1.0],
        default_float=0.0,
    )
    total = helper.make_node("Add", ["double", "code"], ["sum"])
    flat = helper.make_node("Flatten", ["sum"], ["flat"], axis=0)
    shape = helper.make_node("Squeeze", ["flat", "zero"], ["prediction"])
    graph = helper.make_graph(
        [code, total, flat, shape],
        "g",
        [
            helper.make_tensor_value_info("double", TensorProto.FLOAT, ["rows", 1]),
            helper.make_tensor_value_info("colour", TensorProto.STRING, ["rows", 1]),
        ],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["rows"])],
        initializer=[helper.make_tensor("zero", TensorProto.INT64, [1], [0])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    signature = {
        "task": "regression",
        "target": "y",
        "classes": [],
        "inputs": INPUTS,
        "derived": [{"name": "double", "sql": "x * 2"}],
        "tensors": TENSORS,
        "history": [],
        "outputs": [],
        "example": {"x": 1, "colour": "red"},
    }
    folder.mkdir(parents=True)
    return Bundle.create(folder, model.SerializeToString(), signature=signature, lineage={})


def table(count: int = 10) -> pl.DataFrame:
    return pl.DataFrame({"id": range(count), "x": range(count), "colour": ["red", "blue"] * (count // 2)})


def expected(count: int = 10) -> list[float]:
    return [2.0 * place + (place % 2 == 0) for place in range(count)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a bundle in the folder ``model``; it is the current folder."""
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    make_bundle(tmp_path / "model")
    return tmp_path


def predict(*words: str) -> int:
    return main(["predict", "model=model", *words])


WRITERS: dict[str, Any] = {
    "csv": pl.DataFrame.write_csv,
    "parquet": pl.DataFrame.write_parquet,
    "jsonl": pl.DataFrame.write_ndjson,
    "arrow": pl.DataFrame.write_ipc,
}
READERS: dict[str, Any] = {
    "csv": pl.read_csv,
    "parquet": pl.read_parquet,
    "jsonl": pl.read_ndjson,
    "arrow": pl.read_ipc,
}


@pytest.mark.parametrize("source", WRITERS)
@pytest.mark.parametrize("target", READERS)
def test_every_kind_of_file_gives_the_same(place: Path, source: str, target: str) -> None:
    WRITERS[source](table(), place / f"in.{source}")
    assert predict(f"input=in.{source}", f"output=out.{target}", "keep=id", "batch=3") == 0
    found = READERS[target](place / f"out.{target}")
    assert found.columns == ["id", "prediction"]
    assert found["id"].cast(pl.Int64).to_list() == list(range(10))
    assert found["prediction"].to_list() == expected()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_compressed_text_is_read_as_it_is(place: Path, kind: str) -> None:
    WRITERS[kind](table(), place / f"in.{kind}")
    (place / f"in.{kind}.gz").write_bytes(gzip.compress((place / f"in.{kind}").read_bytes()))
    assert predict(f"input=in.{kind}.gz", "output=out.csv", "keep=id", "batch=3") == 0
    assert pl.read_csv("out.csv")["prediction"].to_list() == expected()


def test_a_compressed_line_without_an_end_is_a_header(place: Path) -> None:
    (place / "in.csv.gz").write_bytes(gzip.compress(b"x,colour"))
    assert predict("input=in.csv.gz", "output=out.csv") == 0
    assert (place / "out.csv").read_text() == "prediction\n"


@pytest.mark.parametrize("kind", WRITERS)
def test_a_misspelt_column_is_named(place: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    WRITERS[kind](table().rename({"colour": "color"}), place / f"in.{kind}")
    assert predict(f"input=in.{kind}", "output=out.csv") == 1
    assert "the column 'colour' (text) is missing (is it 'color'?)" in capsys.readouterr().err


def test_what_a_killed_prediction_left_is_cleared_by_the_next_to_the_same_file(place: Path) -> None:
    table().write_csv("in.csv")
    killed = "sink.write(pl.DataFrame({'prediction': [1.0]})); os.kill(os.getpid(), signal.SIGKILL)"
    program = f"""
import os, pathlib, signal
import polars as pl
from mlops.prediction.writing import Sink
with Sink(pathlib.Path("out.csv")) as sink: {killed}
"""
    subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    (left,) = place.glob(".*.tmp")
    assert predict("input=in.csv", "output=other.csv") == 0
    assert left.exists()
    assert predict("input=in.csv", "output=out.csv") == 0
    assert not left.exists()


def test_what_another_prediction_is_writing_stays(place: Path) -> None:
    table().write_csv("in.csv")
    with Sink(place / "out.csv") as sink:
        sink.write(pl.DataFrame({"prediction": [1.0]}))
        assert predict("input=in.csv", "output=out.csv") == 0
        assert list(place.glob(".*.tmp"))
    assert pl.read_csv("out.csv").height == 1
    assert not list(place.glob(".*.tmp"))


def test_batches_change_nothing(place: Path) -> None:
    table().write_parquet("in.parquet", row_group_size=4)
    for size in (1, 3, 10, 99):
        assert predict("input=in.parquet", f"output={size}.csv", f"batch={size}") == 0
    assert len({(place / f"{size}.csv").read_bytes() for size in (1, 3, 10, 99)}) == 1


def test_a_glob_is_read_in_the_order_of_names(place: Path) -> None:
    table()[5:].write_csv("part2.csv")
    table()[:5].write_csv("part1.csv")
    assert predict("input=part*.csv", "output=out.csv") == 0
    assert pl.read_csv("out.csv")["prediction"].to_list() == expected()


def test_no_rows_give_a_file_without_rows(place: Path) -> None:
    table()[:0].write_csv("in.csv")
    assert predict("input=in.csv", "output=out.csv") == 0
    assert (place / "out.csv").read_text() == "prediction\n"


@pytest.mark.parametrize("text", ["x,colour", "x,colour\r\n"])
def test_a_header_alone_gives_a_file_without_rows(place: Path, text: str) -> None:
    (place / "in.csv").write_text(text, newline="")
    assert predict("input=in.csv", "output=out.csv") == 0
    assert (place / "out.csv").read_text() == "prediction\n"


def test_an_empty_line_is_a_missing_value_where_rows_have_one_value(place: Path) -> None:
    facts = json.loads((place / "model" / "signature.json").read_text())
    facts["inputs"][1]["expected"] = {"otherwise": "impute"}
    (place / "model" / "signature.json").write_text(json.dumps(facts))
    (place / "in.csv").write_text("x\n1\n\n3\n")
    assert predict("input=in.csv", "output=out.csv", "keep=x") == 0
    assert pl.read_csv("out.csv")["prediction"].to_list()[::2] == [2.0, 6.0]


@pytest.mark.parametrize(("name", "row"), [("in.csv", "x,colour\n1,red\n"), ("in.jsonl", '{"x": 1, "colour": "red"}')])
def test_a_mark_of_byte_order_is_no_part_of_the_first_value(place: Path, name: str, row: str) -> None:
    (place / name).write_text(row, encoding="utf-8-sig")
    assert predict(f"input={name}", "output=out.csv") == 0
    assert pl.read_csv("out.csv")["prediction"].to_list() == [3.0]


def test_bad_values_are_named_by_file_row_and_column(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["id,x,colour", *(f"{place},{place},red" for place in range(8)), "8,12x,red", "9,1001,red"]
    (place / "in.csv").write_text("\n".join(rows) + "\n")
    assert predict("input=in.csv", "output=out.csv", "batch=4") == 1
    said = capsys.readouterr().err
    assert "row 9, column 'x': '12x' is not a whole number" in said
    assert "row 10, column 'x': '1001' is above 1000" in said
    assert "where: in.csv" in said
    assert sorted(path.name for path in place.iterdir()) == ["in.csv", "model", "recipes"]


def test_bad_rows_can_be_kept_with_what_is_wrong(place: Path) -> None:
    (place / "in.csv").write_text("x,colour\n1,red\nmany,red\n")
    assert predict("input=in.csv", "output=out.csv", "bad_rows=keep") == 0
    found = pl.read_csv("out.csv")
    assert found["prediction"].to_list() == [3.0, None]
    assert found["error"].to_list() == [None, "column 'x': 'many' is not a whole number"]


def test_bad_rows_can_be_left_out(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "in.csv").write_text("x,colour\n1,red\nmany,red\n2,blue\n")
    assert predict("input=in.csv", "output=out.csv", "bad_rows=skip", "batch=1") == 0
    assert pl.read_csv("out.csv").rows() == [(1, 3.0), (3, 4.0)]
    assert "1 bad row" in capsys.readouterr().out


def test_missing_values_of_text_files_can_be_named(place: Path) -> None:
    (place / "in.csv").write_text('x;colour\n1;NA\n2;"a;b"\n')
    assert predict("input=in.csv", "output=out.csv", "separator=;", "null=NA") == 0
    assert pl.read_csv("out.csv")["prediction"].to_list() == [2.0, 4.0]


def test_json_ends_with_one_object(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table().write_csv("in.csv")
    assert predict("input=in.csv", "output=out.csv", "--json") == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert (facts["rows"], facts["bad"], facts["output"]) == (10, 0, "out.csv")
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["input=no.csv", "output=out.csv"], 2, "there is no file no.csv"),
        (["input=in.csv", "output=in.csv"], 2, "is also an input"),
        (["input=in.csv", "output=old.csv"], 2, "(?s)old.csv exists.*overwrite=true"),
        (["input=in.csv", "output=out.xlsx"], 2, "suffix of 'out.xlsx' is not known"),
        (["input=in.csv", "output=model"], 2, "is a folder"),
        (["input=model", "output=out.csv"], 2, "model is a folder"),
        (["input=in.csv", "output=out.csv", "keep=idd"], 2, "(?s)no column 'idd' to keep.*did you mean keep=id"),
        (["input=in.csv", "output=out.csv.gz"], 2, "(?s)not written compressed.*write Parquet"),
        (["input=in.parquet.gz", "output=out.csv"], 2, r"(?s)'in.parquet.gz' is not known.*\.csv\.gz"),
        (["input=cut.jsonl.gz", "output=out.csv"], 1, "(?s)cannot be read.*cut.jsonl.gz"),
        (["input=cut.csv.gz", "output=out.csv"], 1, "(?s)cannot be read.*cut.csv.gz"),
        (["input=other.csv", "output=out.csv"], 1, r"(?s)column 'x' \(a whole number\) is missing.*where: other.csv"),
        (["input=in.csv", "output=out.csv", "history.past=in.csv"], 2, "the model has no history 'past'"),
        (["input=in.csv"], 2, "output is not given|output: is not given"),
        (["input=in.csv", "output=out.csv", "bad_row=keep"], 2, "did you mean 'bad_rows'"),
        (["input=in.csv", "output=out.csv", "bad_rows=drop"], 2, "(?s)'drop' is no choice.*fail, keep, skip"),
        (["input=in.csv", "output=out.csv", "batch=0"], 2, "'0' is no number of rows"),
        (["input=bad.jsonl", "output=out.csv"], 1, "bad.jsonl, line 2"),
        (["input=bad.parquet", "output=out.csv"], 1, "(?s)cannot be read.*bad.parquet"),
        (["input=twice.csv", "output=out.csv"], 1, "(?s)there are two columns 'x'.*twice.csv"),
        (["input=twice.jsonl", "output=out.csv"], 1, "(?s)has the key 'x' twice.*twice.jsonl, line 1"),
    ],
)
def test_mistakes_are_said_with_their_fix(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    table().write_csv("in.csv")
    pl.DataFrame({"z": [1]}).write_csv("other.csv")
    (place / "old.csv").write_text("")
    (place / "bad.jsonl").write_text('{"x": 1, "colour": "red"}\n{"x": \n')
    (place / "bad.parquet").write_text("nothing")
    (place / "in.parquet.gz").write_bytes(b"")
    (place / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"x": 1, "colour": "red"}\n' * 9)[:-12])
    (place / "cut.csv.gz").write_bytes(gzip.compress(b"x,colour\n" + b"1,red\n" * 9)[:-12])
    (place / "twice.csv").write_text("x,colour,x\n1,red,2\n")
    (place / "twice.jsonl").write_text('{"x": 1, "colour": "red", "x": 2}\n')
    assert predict(*words) == code
    assert re.search(message, capsys.readouterr().err)
    assert not (place / "out.csv").exists()


def test_an_output_is_replaced_when_asked(place: Path) -> None:
    table().write_csv("in.csv")
    (place / "out.csv").write_text("old")
    assert predict("input=in.csv", "output=out.csv", "overwrite=true") == 0
    assert pl.read_csv("out.csv").height == 10


def run_record(place: Path, digest: str | None, *, status: str = "done") -> None:
    """The record of a run of the recipe ``nice``, as far as prediction reads it."""
    folder = place / ".mlops" / "runs" / "20260101-000000-000-aaaa"
    folder.mkdir(parents=True)
    outputs = {"bundle": {"format": "bundle", "digest": digest}} if digest else {}
    facts = {"recipe": "nice", "status": status, "ended": "now", "steps": [{"stage": "bundle", "outputs": outputs}]}
    (folder / "run.json").write_text(json.dumps(facts))
    (place / "recipes" / "nice.yaml").write_text("# A recipe.\nstages: []\n")


def stored(place: Path) -> str:
    store = Store(place / ".mlops" / "store")
    with store.workspace() as folder:
        shutil.copytree(place / "model", folder / "bundle")
        return store.commit(folder / "bundle")


def test_a_recipe_means_the_bundle_of_its_last_finished_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_record(place, stored(place))
    table().write_csv("in.csv")
    assert main(["predict", "model=nice", "input=in.csv", "output=out.csv"]) == 0
    assert "run 20260101-000000-000-aaaa of nice" in capsys.readouterr().out


def test_a_run_without_a_bundle_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_record(place, None)
    table().write_csv("in.csv")
    assert main(["predict", "model=nice", "input=in.csv", "output=out.csv"]) == 2
    assert "made no bundle" in capsys.readouterr().err


def test_a_recipe_that_never_finished_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_record(place, None, status="failed")
    table().write_csv("in.csv")
    assert main(["predict", "model=nice", "input=in.csv", "output=out.csv"]) == 2
    assert "aaaa, is failed" in capsys.readouterr().err
    assert main(["predict", "model=nicer", "input=in.csv", "output=out.csv"]) == 2
    assert "did you mean 'nice'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_a_bundle_with_other_bytes_than_it_was_made_with_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    digest = stored(place)
    shutil.copytree(Store(place / ".mlops" / "store").path(digest), place / digest)
    (place / digest).chmod(0o755)
    path = place / digest / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    table().write_csv("in.csv")
    assert main(["predict", f"model={digest}", "input=in.csv", "output=out.csv"]) == 1
    assert "the bundle is damaged" in capsys.readouterr().err


def test_history_is_computed_from_the_table_that_is_given(place: Path) -> None:
    signature = json.loads((place / "model" / "signature.json").read_text())
    signature["history"] = [
        {
            "name": "past",
            "entity": ["id"],
            "time": "now",
            "event_time": "then",
            "aggregates": [{"name": "x", "function": "count"}],
            "types": {"id": "Int64", "now": "Datetime(time_unit='us', time_zone=None)"},
            "event_types": {"id": "Int64", "then": "Datetime(time_unit='us', time_zone=None)"},
        }
    ]
    (place / "model" / "signature.json").write_text(json.dumps(signature))
    (place / "in.csv").write_text("id,now,colour\n1,2020-01-03,blue\n2,2020-01-03,blue\n")
    (place / "events.csv").write_text("id,then\n1,2020-01-01\n1,2020-01-02\n1,2020-01-04\n")
    assert predict("input=in.csv", "output=out.csv", "history.past=events.csv") == 0
    assert pl.read_csv("out.csv")["prediction"].to_list() == [4.0, 0.0]


def test_a_column_of_history_that_is_missing_says_how_it_is_had(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signature = json.loads((place / "model" / "signature.json").read_text())
    aggregate = {"name": "x", "function": "count"}
    signature["history"] = [
        {"name": "past", "entity": ["id"], "time": "now", "event_time": "then", "aggregates": [aggregate]}
    ]
    (place / "model" / "signature.json").write_text(json.dumps(signature))
    (place / "in.csv").write_text("id,now,colour\n1,2020-01-03,blue\n")
    assert predict("input=in.csv", "output=out.csv") == 1
    assert "history.past=FILE" in capsys.readouterr().err


@pytest.mark.slow
def test_memory_stays_bounded(place: Path) -> None:
    rng = np.random.default_rng(0)
    big = pl.DataFrame({"x": rng.integers(0, 999, 3_000_000), "colour": rng.choice(["red", "blue"], 3_000_000)})
    big.write_parquet("in.parquet")
    command = [sys.executable, "-m", "mlops", "predict", "model=model", "input=in.parquet", "output=out.parquet"]
    subprocess.run(command, check=True, capture_output=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak < 1_000_000
    assert pl.scan_parquet("out.parquet").select(pl.len()).collect().item() == 3_000_000
