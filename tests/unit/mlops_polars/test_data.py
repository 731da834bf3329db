from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest
from pydantic import ValidationError

from mlops.errors import MissingExtra, ProjectError, StageError
from mlops.formats.table import Table
from mlops_polars import databases
from mlops_polars.data import Data

Read = Callable[..., Table]

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "carrier": ["AA", "UA", None],
        "delay": [-3.0, 20.0, None],
        "day": ["2013-01-01", "2013-06-01", "2013-12-01"],
    }
)


@pytest.fixture
def flights(tmp_path: Path) -> Path:
    """A folder with the rows in every format."""
    ROWS.write_csv(tmp_path / "flights.csv")
    ROWS.write_csv(tmp_path / "flights.tsv", separator="\t")
    ROWS.write_parquet(tmp_path / "flights.parquet")
    ROWS.write_ndjson(tmp_path / "flights.jsonl")
    ROWS.write_ipc(tmp_path / "flights.arrow")
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress((tmp_path / "flights.csv").read_bytes()))
    with closing(sqlite3.connect(tmp_path / "flights.db")) as base, base:
        base.execute("create table flights (id integer, carrier text, delay real, day text)")
        base.executemany("insert into flights values (?, ?, ?, ?)", ROWS.rows())
    return tmp_path


@pytest.mark.parametrize(
    "name", ["flights.csv", "flights.tsv", "flights.parquet", "flights.jsonl", "flights.arrow", "packed.csv.gz"]
)
def test_every_file_format_gives_the_same_rows(read: Read, flights: Path, name: str) -> None:
    assert read(path=str(flights / name)).read().equals(ROWS)


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite", "adbc+sqlite", "connectorx+sqlite"])
def test_every_database_driver_gives_the_same_rows(read: Read, flights: Path, scheme: str) -> None:
    table = read(path=f"{scheme}:///{flights}/flights.db", query="select * from flights order by id")
    assert table.read().equals(ROWS)


def test_a_glob_reads_its_files_in_order_of_name(read: Read, tmp_path: Path) -> None:
    for number in (2, 10, 1):
        pl.DataFrame({"n": [number]}).write_parquet(tmp_path / f"part-{number:02d}.parquet")
    assert read(path=f"{tmp_path}/part-*.parquet").read()["n"].to_list() == [1, 2, 10]


def test_a_url_is_read_through_fsspec(read: Read, flights: Path) -> None:
    with fsspec.open("memory://tables/a.csv", "wb") as file:
        file.write((flights / "flights.csv").read_bytes())
    assert read(path="memory://tables/*.csv").read().equals(ROWS)


def test_a_file_url_is_a_local_file(read: Read, flights: Path) -> None:
    assert read(path=f"file://{flights}/flights.csv").rows == 3


def test_the_keys_act_on_renamed_columns(read: Read, flights: Path) -> None:
    table = read(
        path=str(flights / "flights.csv"),
        rename={"delay": "late"},
        types={"late": "int16", "day": "datetime"},
        where="late is not null",
        drop=["id"],
        target="late",
        task="regression",
        time="day",
    )
    assert table.read().rows() == [("AA", -3, datetime(2013, 1, 1)), ("UA", 20, datetime(2013, 6, 1))]  # noqa: DTZ001 - no zone
    assert table.columns["late"] == "Int16"
    assert (table.roles.target, table.roles.task, table.roles.time) == ("late", "regression", "day")


def test_where_may_use_a_column_that_is_dropped(read: Read, flights: Path) -> None:
    table = read(path=str(flights / "flights.parquet"), where="delay > 0", columns=["carrier"])
    assert table.read().to_dict(as_series=False) == {"carrier": ["UA"]}


def test_limit_keeps_the_first_rows(read: Read, flights: Path) -> None:
    assert read(path=str(flights / "flights.csv"), limit=2).read()["id"].to_list() == [1, 2]


def test_equal_sources_give_equal_bytes(read: Read, flights: Path) -> None:
    tables = [read(path=str(flights / "flights.csv"), where="id > 1") for _ in range(2)]
    first, second = ([file.read_bytes() for file in sorted(table.folder.iterdir())] for table in tables)
    assert first == second


def test_nothing_but_the_outputs_is_left_in_the_work_folder(read: Read, flights: Path) -> None:
    table = read(path=f"sqlite:///{flights}/flights.db", query="select * from flights")
    assert sorted(item.name for item in table.folder.parent.iterdir()) == ["snapshot", "table"]


def test_every_value_that_does_not_fit_its_type_is_reported_at_once(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,t\n1,2013-01-01\nmany,soon\n3,later\n")
    message = r"column 'n' has 1 value that is no int8; the first is 'many' in row 2\n.*column 't' .*'soon' in row 2"
    with pytest.raises(StageError, match=message):
        read(path=str(tmp_path / "a.csv"), types={"n": "int8", "t": "date"})


def test_a_fraction_is_not_an_integer(read: Read, tmp_path: Path) -> None:
    pl.DataFrame({"n": [1.0, 2.5]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(StageError, match=r"no int8; the first is 2\.5 in row 2"):
        read(path=str(tmp_path / "a.parquet"), types={"n": "int8"})


def test_types_with_nothing_in_common_are_refused(read: Read, flights: Path) -> None:
    with pytest.raises(StageError, match="'id' is int64 and cannot be read as datetime"):
        read(path=str(flights / "flights.parquet"), types={"id": "datetime"})


def test_named_texts_are_nulls(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n;m\n1;NA\n-;2,5\n")
    table = read(
        path=str(tmp_path / "a.csv"),
        csv={"separator": ";", "null_values": ["NA", "-"], "decimal_comma": True},
        types={"n": "int8"},
    )
    assert table.read().rows() == [(1, None), (None, 2.5)]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"types": {"delya": "int8"}}, r"`types` names the column 'delya'.*\n.*did you mean 'delay'"),
        ({"drop": ["carier"]}, r"`drop` names the column 'carier'.*\n.*did you mean 'carrier'"),
        ({"columns": ["carier"]}, r"`columns` names the column 'carier'"),
        ({"rename": {"carier": "c"}}, r"`rename` names the column 'carier'"),
        ({"target": "dellay"}, r"`target` names the column 'dellay'.*\n.*did you mean 'delay'"),
        ({"drop": ["delay"], "target": "delay"}, r"`target` names the column 'delay'"),
        ({"id": ["idd"]}, r"`id` names the column 'idd'"),
        ({"where": "dealy > 0"}, r"where uses the column 'dealy'.*\n.*dealy > 0\n.*did you mean 'delay'"),
        ({"where": "id > 5"}, r"the table has no rows.*\n(.*\n)?.*`where: id > 5` keeps none"),
    ],
)
def test_a_section_that_does_not_fit_the_source_is_explained(
    read: Read, flights: Path, section: Any, message: str
) -> None:
    with pytest.raises(StageError, match=message):
        read(path=str(flights / "flights.parquet"), **section)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "the source is empty"),
        ("a.csv", b"a,b\n", "the table has no rows"),
        ("a.parquet", b"not parquet", "cannot be read: parquet"),
        ("a.arrow", b"not arrow", "cannot be read"),
        ("a.jsonl", b'{"a": 1\n', "cannot be read"),
        ("a.csv", b"\xff\xfe\x00a,b\n1,\xff\n", "cannot be read"),
    ],
)
def test_an_unreadable_file_is_named(read: Read, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StageError, match=message) as caught:
        read(path=str(tmp_path / name))
    assert name in caught.value.where


def test_a_late_surprise_in_a_column_is_told_the_way(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n" + "1\n" * 50 + "x\n")
    with pytest.raises(StageError, match=r"could not parse `x`(.|\n)*declare the column in `types`"):
        read(path=str(tmp_path / "a.csv"), csv={"infer_rows": 10})


def test_a_file_that_is_not_there_is_named(read: Read, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"the file is not there\n.*nope\.csv"):
        read(path=str(tmp_path / "nope.csv"))


def test_a_glob_without_files_is_named(read: Read, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no file matches"):
        read(path=str(tmp_path / "*.csv"))


def test_a_folder_is_told_apart_from_a_file(read: Read, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"the path is a folder\n.*\n.*\*\.parquet"):
        read(path=str(tmp_path), format="parquet")


def test_a_missing_url_is_named(read: Read) -> None:
    with pytest.raises(StageError, match="the file is not there"):
        read(path="memory://nowhere/a.csv")


def test_an_unknown_file_system_is_named(read: Read) -> None:
    with pytest.raises(StageError, match="Protocol not known"):
        read(path="nowhere://a.csv")


def test_a_file_system_whose_library_is_missing_is_named(read: Read) -> None:
    with pytest.raises(ProjectError, match=r"the library for .* is not installed"):
        read(path="gs://bucket/a.csv")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"path": "a.xlsx"}, "the format of 'a.xlsx' is unknown"),
        ({"path": "sqlite:///a.db"}, "a database needs a `query`"),
        ({"path": "a.csv", "query": "select 1"}, "`query` is for databases"),
        ({"path": "sqlite:///a.db", "query": "drop table t"}, "match pattern"),
        ({"path": "a.csv", "columns": ["a"], "drop": ["b"]}, "not both"),
        ({"path": "a.csv", "task": "binary"}, "`task` needs a `target`"),
        ({"path": "a.csv", "task": "bianry", "target": "a"}, "'binary', 'multiclass' or 'regression'"),
        ({"path": "a.csv", "types": {"a": "integer"}}, "Input should be 'string'"),
        ({"path": "a.csv", "limit": "10"}, "valid integer"),
        ({"path": "a.csv", "csv": {"seperator": ";"}}, "Extra inputs"),
        ({"path": "a.csv", "where": "a in (select 1)"}, "has no queries"),
        ({"path": "a.csv", "pth": "b.csv"}, "Extra inputs"),
    ],
)
def test_a_wrong_section_is_refused_before_anything_is_read(section: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Data.model_validate(section)


def test_files_are_sources() -> None:
    assert Data(path="data/*.csv").sources() == ("data/*.csv",)
    assert Data(path="memory://a.csv").sources() == ("memory://a.csv",)
    assert not Data(path="data/*.csv").volatile()


def test_an_sqlite_database_is_a_file() -> None:
    data = Data(path="sqlite:///data/a.db", query="select 1")
    assert (data.sources(), data.volatile()) == (("data/a.db",), "")


@pytest.mark.parametrize(
    "section", [{"path": "postgresql://h/b", "query": "select 1"}, {"path": "s3://b/a.csv", "options": {"key": "k"}}]
)
def test_what_cannot_be_fingerprinted_is_volatile_until_it_has_a_version(section: Any) -> None:
    assert "cannot be fingerprinted" in Data(**section).volatile()
    assert Data(**section).sources() == ()
    assert not Data(**section, version="2024-06").volatile()


def test_a_missing_database_is_not_made(read: Read, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="the database file is not there"):
        read(path=f"sqlite:///{tmp_path}/no.db", query="select 1")
    assert not (tmp_path / "no.db").exists()


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite", "adbc+sqlite", "connectorx+sqlite"])
def test_a_failing_query_is_shown(read: Read, flights: Path, scheme: str) -> None:
    with pytest.raises(StageError, match=r"the query failed: .*no such column(.|\n)*select lateness"):
        read(path=f"{scheme}:///{flights}/flights.db", query="select lateness from flights")


def test_a_query_cannot_write(read: Read, flights: Path) -> None:
    with pytest.raises(StageError, match="the query failed"):
        read(path=f"sqlite:///{flights}/flights.db", query="with a as (select 1) delete from flights")


def test_a_query_without_rows_keeps_its_names(read: Read, flights: Path) -> None:
    with pytest.raises(StageError, match="the table has no rows"):
        read(path=f"sqlite:///{flights}/flights.db", query="select id from flights where id > 9", target="id")


@pytest.mark.parametrize("batch", [1, 10])
def test_a_column_of_numbers_and_text_is_text_however_it_is_batched(
    read: Read, flights: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(databases, "_BATCH", batch)
    table = read(path=f"sqlite:///{flights}/flights.db", query="select 1 as a union all select 'x' order by 1")
    assert table.read()["a"].to_list() == ["1", "x"]


def test_batches_of_a_query_are_one_table(read: Read, flights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_BATCH", 1)
    table = read(path=f"sqlite:///{flights}/flights.db", query="select * from flights order by id")
    assert table.read().equals(ROWS)


def test_a_password_is_not_in_an_error(read: Read) -> None:
    with pytest.raises(StageError, match=r"the query failed(.|\n)*//\*\*\*@host") as caught:
        read(path="mysql+nosuchdriver://me:hunter2@host/base", query="select 1")
    assert "hunter2" not in str(caught.value)


def test_a_password_in_a_drivers_message_is_hidden() -> None:
    assert databases._hidden("login me/hunter2 refused", "mysql://me:hunter2@host/base") == "login me/*** refused"


def test_a_missing_driver_of_sqlalchemy_names_its_package(read: Read) -> None:
    with pytest.raises(ProjectError, match=r"the driver 'oracledb' .*\n.*pip install oracledb"):
        read(path="oracle+oracledb://host/base", query="select 1")


def test_a_missing_driver_names_its_extra() -> None:
    with pytest.raises(MissingExtra, match=r"'adbc_driver_postgresql' is not installed\n.*mlops\[sql\]"):
        list(databases._batches("adbc+postgresql://host/base", "select 1"))


def test_rows_written_as_json_keep_nested_values(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"a": 1, "b": [1, 2]}) + "\n")
    assert read(path=str(tmp_path / "a.jsonl")).columns["b"] == "List(Int64)"
