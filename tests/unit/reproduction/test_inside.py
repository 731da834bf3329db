"""The first thing that differs inside two artifacts."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import polars as pl
import pytest

from mlops.reproduction.inside import first_difference
from mlops.store.sealing import seal


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    folders = tmp_path / "was", tmp_path / "now"
    for folder in folders:
        folder.mkdir()
    return folders


def told(pair: tuple[Path, Path]) -> str:
    for folder in pair:
        seal(folder)
    return first_difference(*pair)


def write_json(pair: tuple[Path, Path], was: object, now: object) -> None:
    for folder, value in zip(pair, (was, now), strict=True):
        (folder / "facts.json").write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "facts.json: a.b 1 → 2"),
        ({"a": 1, "b": 2}, {"a": 1}, "facts.json: b 2 → not there"),
        ({"a": 1}, {"a": 1, "b": 2}, "facts.json: b not there → 2"),
        ({"a": [{"x": 1}]}, {"a": [{"x": 3}]}, "facts.json: a[0].x 1 → 3"),
        ({"a": 1}, {"a": 1.0}, "facts.json: a 1 → 1.0"),
    ],
)
def test_a_key_of_json_is_named(pair: tuple[Path, Path], was: object, now: object, expected: str) -> None:
    write_json(pair, was, now)
    assert told(pair) == expected


def test_json_that_means_the_same_is_compared_by_its_bytes(pair: tuple[Path, Path]) -> None:
    (pair[0] / "facts.json").write_text('{"a": 1}')
    (pair[1] / "facts.json").write_text('{"a":1}')
    assert told(pair) == "facts.json: differs from byte 6 on (8 → 7 bytes)"


def test_a_value_of_a_table_is_named(pair: tuple[Path, Path]) -> None:
    for folder, values in zip(pair, ([1, 2, 3], [1, 5, 3]), strict=True):
        pl.DataFrame({"a": [0, 0, 0], "x": values}).write_parquet(folder / "data.parquet")
    assert told(pair) == "data.parquet: column x, row 2: 2 → 5 (1 of 3 rows)"


def test_rows_and_columns_of_a_table_are_compared_first(pair: tuple[Path, Path]) -> None:
    pl.DataFrame({"x": [1, 2]}).write_parquet(pair[0] / "data.parquet")
    pl.DataFrame({"x": [1]}).write_parquet(pair[1] / "data.parquet")
    pl.DataFrame({"x": [1]}).write_parquet(pair[0] / "other.parquet")
    pl.DataFrame({"y": [1]}).write_parquet(pair[1] / "other.parquet")
    assert told(pair) == "data.parquet: 2 rows → 1 rows; 1 more file differs"


def test_a_tensor_is_named(pair: tuple[Path, Path]) -> None:
    for folder, number in zip(pair, (1.0, 2.0), strict=True):
        header = json.dumps(
            {
                "bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                "weight": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
            }
        ).encode()
        body = struct.pack("<ff", 0.0, number)
        (folder / "weights.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + body)
    assert told(pair) == "weights.safetensors: tensor weight"


def test_a_damaged_table_is_compared_by_its_bytes(pair: tuple[Path, Path]) -> None:
    (pair[0] / "data.parquet").write_bytes(b"none")
    (pair[1] / "data.parquet").write_bytes(b"nope")
    assert told(pair) == "data.parquet: differs from byte 3 on (4 bytes)"


def test_a_file_that_only_one_has_is_named(pair: tuple[Path, Path]) -> None:
    (pair[0] / "a").write_text("x")
    (pair[1] / "b").write_text("x")
    assert told(pair) == "a is only in the run; 1 more file differs"


def test_an_artifact_that_is_gone_cannot_be_looked_into(tmp_path: Path) -> None:
    assert "no longer in the store" in first_difference(tmp_path / "gone", tmp_path)
