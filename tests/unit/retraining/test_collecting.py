from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops.errors import ProjectError
from mlops.retraining.collecting import collect
from mlops.services.traffic import Traffic


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    made = Traffic(tmp_path / "deployment")
    made.requests.mkdir(parents=True)
    made.feedback.mkdir()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    pl.DataFrame({"when": ["2024-01-01"], "x": [1], "y": ["a"]}).with_columns(
        pl.col("when").str.to_datetime(), pl.col("x").cast(pl.Int32)
    ).write_parquet(made / "first.parquet")
    return made


def asked(traffic: Traffic, *names: str, **more: Any) -> None:
    with (traffic.requests / "1.jsonl").open("a") as file:
        for name in names:
            row = {"when": "2024-02-01T00:00:00", "x": 2, **more}
            line = {"id": name, "time": 1.0, "version": 1, "shadow": False, "row": row, "answer": {"label": "a"}}
            file.write(json.dumps(line) + "\n")


def told(traffic: Traffic, **labels: str) -> None:
    with (traffic.feedback / "1.jsonl").open("a") as file:
        for name, label in labels.items():
            file.write(json.dumps({"id": name, "time": 2.0, "label": label}) + "\n")


def collected(traffic: Traffic, folder: Path) -> int:
    return collect(traffic, folder, target="y", notes=folder.parent / "notes")


def test_labelled_rows_are_added_in_the_types_of_the_data(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a", "b")
    told(traffic, a="yes")
    assert collected(traffic, folder) == 1
    rows = pl.read_parquet(sorted(folder.glob("*.parquet")))
    assert rows["y"].to_list() == ["yes", "a"]
    assert rows.schema == pl.read_parquet_schema(folder / "first.parquet")


def test_row_is_collected_once_however_late_its_label(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a", "b")
    told(traffic, a="yes")
    assert collected(traffic, folder) == 1
    told(traffic, a="yes", b="no")
    assert collected(traffic, folder) == 1
    assert collected(traffic, folder) == 0
    assert pl.scan_parquet(folder / "*.parquet").select(pl.len()).collect().item() == 3


def test_note_without_its_file_does_not_count(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a")
    told(traffic, a="yes")
    notes = folder.parent / "notes"
    notes.mkdir()
    (notes / "collected-000001.ids").write_text("a")
    assert collected(traffic, folder) == 1


def test_last_label_of_a_row_counts(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a")
    told(traffic, a="no")
    told(traffic, a="yes")
    collected(traffic, folder)
    assert pl.read_parquet(folder / "collected-000001.parquet")["y"].to_list() == ["yes"]


def test_column_that_the_traffic_lacks_is_named(traffic: Traffic, folder: Path) -> None:
    pl.DataFrame({"z": [1], "y": ["a"]}).write_parquet(folder / "first.parquet")
    asked(traffic, "a")
    told(traffic, a="yes")
    with pytest.raises(ProjectError, match=r"no column 'z'(.|\n)*extra_columns"):
        collected(traffic, folder)


def test_value_that_does_not_fit_is_refused(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a", x=2**40)
    told(traffic, a="yes")
    with pytest.raises(ProjectError, match="does not fit the training data"):
        collected(traffic, folder)


def test_folder_without_data_is_refused(traffic: Traffic, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProjectError, match="no Parquet file"):
        collect(traffic, tmp_path / "empty", target="y", notes=tmp_path / "notes")
