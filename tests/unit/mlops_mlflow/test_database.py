"""The project's own MLflow: made whole by one process, kept under the project, silent."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mlops.errors import StoreError
from mlops_mlflow import database

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""MLflow's own, of SQLAlchemy."""

FIRST = """
import sys
from pathlib import Path
from mlops_mlflow.database import client_of
client = client_of(None, Path(sys.argv[1]))
client.create_experiment(sys.argv[2])
"""


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}


def test_the_database_is_made_under_the_project(tmp_path: Path) -> None:
    state = tmp_path / "a project ü 100%" / ".mlops"
    client = database.client_of(None, state)
    client.create_experiment("flights")
    assert (state / "mlflow" / "mlflow.db").is_file()
    assert sorted(path.name for path in state.iterdir()) == ["mlflow"]
    assert sorted(path.name for path in (state / "mlflow").iterdir()) == ["lock", "mlflow.db", "version"]


def test_what_a_kill_left_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / ".new.tmp").write_bytes(b"half")
    database.prepared(tmp_path)
    assert "experiments" in _tables(tmp_path / "mlflow" / "mlflow.db")


def test_a_database_of_another_version_is_upgraded(tmp_path: Path) -> None:
    database.prepared(tmp_path)
    folder = tmp_path / "mlflow"
    (folder / "version").write_text("0.0.1")
    database.prepared(tmp_path)
    assert (folder / "version").read_text() != "0.0.1"
    assert not (folder / "mlflow.db.before").exists()


def test_an_upgrade_that_was_killed_starts_from_the_copy(tmp_path: Path) -> None:
    database.prepared(tmp_path)
    folder = tmp_path / "mlflow"
    (folder / "mlflow.db").rename(folder / "mlflow.db.before")
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        connection.execute("create table half (done integer)")
    (folder / "version").unlink()
    database.prepared(tmp_path)
    assert "experiments" in _tables(folder / "mlflow.db")
    assert "half" not in _tables(folder / "mlflow.db")


def test_a_database_that_cannot_be_upgraded_is_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "mlflow"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        connection.execute("create table alembic_version (version_num varchar(32))")
        connection.execute("insert into alembic_version values ('nowhere')")
        connection.commit()
    with pytest.raises(StoreError, match="cannot be brought to the schema"):
        database.prepared(tmp_path)
    assert _tables(folder / "mlflow.db") == {"alembic_version"}
    assert not (folder / "mlflow.db.before").exists()


@pytest.mark.slow
def test_six_processes_may_open_a_new_one_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FIRST, str(tmp_path / ".mlops")]
    started = [subprocess.Popen([*command, f"e{number}"], stderr=subprocess.PIPE, text=True) for number in range(6)]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * 6, ended
    names = {found.name for found in database.client_of(None, tmp_path / ".mlops").search_experiments()}
    assert names == {"Default", *(f"e{number}" for number in range(6))}


def test_telemetry_is_off_unless_a_person_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    database.silence()
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert is_telemetry_disabled()
