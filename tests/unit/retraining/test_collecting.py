from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops.errors import ProjectError
from mlops.retraining.collecting import Collected, Wanted, collect
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
    return collect(traffic, folder, wanted=Wanted("y"), notes=folder.parent / "notes").added


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


def test_plan_without_its_file_does_not_count(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a")
    told(traffic, a="yes")
    notes = folder.parent / "notes"
    notes.mkdir()
    (notes / "collected-000001.planned").write_text("a")
    (folder / ".collected-000001.tmp").write_text("half")
    assert collected(traffic, folder) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["collected-000001.parquet", "first.parquet"]


def test_plan_whose_file_is_there_counts(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a")
    told(traffic, a="yes")
    assert collected(traffic, folder) == 1
    note = folder.parent / "notes" / "collected-000001.ids"
    note.rename(note.with_suffix(".planned"))
    assert collected(traffic, folder) == 0
    assert note.exists()


def test_row_whose_file_was_removed_does_not_come_back(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a")
    told(traffic, a="yes")
    assert collected(traffic, folder) == 1
    (folder / "collected-000001.parquet").unlink()
    assert collected(traffic, folder) == 0


def test_rows_of_held_windows_wait(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a")
    asked(traffic, "b", when="2024-03-05T10:00:00Z")
    told(traffic, a="yes", b="no")
    notes = folder.parent / "notes"
    wanted = Wanted("y", "when", (("2024-03-01T00:00:00+00:00", "2024-04-01T00:00:00+00:00"),))
    assert collect(traffic, folder, wanted=wanted, notes=notes) == Collected(1, 1)
    assert collect(traffic, folder, wanted=Wanted("y", "when"), notes=notes) == Collected(1, 0)


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


def test_rows_of_which_none_fits_are_refused(traffic: Traffic, folder: Path) -> None:
    asked(traffic, "a", x=2**40)
    told(traffic, a="yes")
    with pytest.raises(ProjectError, match=r"x is 1099511627776(.|\n)*fix"):
        collected(traffic, folder)


def test_row_that_does_not_fit_stops_no_other(traffic: Traffic, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked(traffic, "a", x=2**40)
    asked(traffic, "b")
    told(traffic, a="yes", b="no")
    assert collected(traffic, folder) == 1
    assert "1 of 2 labelled rows do not fit the training data: x is 1099511627776" in caplog.text


def test_folder_without_data_is_refused(traffic: Traffic, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProjectError, match="no Parquet file"):
        collect(traffic, tmp_path / "empty", wanted=Wanted("y"), notes=tmp_path / "notes")
