"""The project's own MLflow: where its database and artifacts lie, made whole by one process, with no telemetry.

This module is light; what needs MLflow is imported when it is called.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlops.durable import locked, make_folder, sync_folder, write_atomic
from mlops.errors import MissingExtra, StoreError

__all__ = ["artifacts_of", "client_of", "local_uri", "prepared", "silence"]

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Read by MLflow when it is imported or used; what a person has set stands."""


def silence() -> None:
    """Switch off telemetry, progress bars and two-minute timeouts; to be called before MLflow is imported."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def local_uri(state: Path) -> str:
    """Give the URI of the project's database.

    Args:
        state: the project's ``.mlops``.
    """
    return f"sqlite:///{_database(state).absolute()}"


def artifacts_of(state: Path) -> Path:
    """Folder in which the artifacts of the project's own MLflow lie."""
    return state.absolute() / "mlflow" / "artifacts"


def prepared(state: Path) -> str:
    """Make the project's database, or bring it to the installed MLflow's schema; safe in several processes at once.

    Returns:
        Its URI, ready for use.

    Raises:
        MissingExtra: MLflow is not installed.
        StoreError: the disk refuses, or the database cannot be upgraded.
    """
    silence()
    installed = _installed()
    folder = _database(state).parent
    if not _is_ready(folder, installed):
        make_folder(folder)
        with locked(folder / "lock"):
            if not _is_ready(folder, installed):
                _make_ready(state)
                write_atomic(folder / "version", installed.encode())
    return local_uri(state)


def client_of(uri: str | None, state: Path) -> Any:
    """Open a client of a tracking and registry server, or of the project's own database.

    Args:
        uri: of the server; the project's own database when None.
        state: the project's ``.mlops``.
    """
    silence()
    _installed()
    address = uri or prepared(state)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=address, registry_uri=address)


def _database(state: Path) -> Path:
    return state / "mlflow" / "mlflow.db"


def _installed() -> str:
    try:
        return version("mlflow")
    except PackageNotFoundError as exc:
        raise MissingExtra("mlflow", extra="mlflow") from exc


def _is_ready(folder: Path, installed: str) -> bool:
    try:
        return (folder / "version").read_text() == installed and (folder / "mlflow.db").is_file()
    except OSError:
        return False


def _make_ready(state: Path) -> None:
    database = _database(state)
    if database.exists():
        _upgrade(database)
    else:
        _create(database, artifacts_of(state))


def _create(database: Path, artifacts: Path) -> None:
    """Make the tables under another name, so that a kill leaves no half of them behind."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    temporary = database.with_name(".new.tmp")
    for leftover in database.parent.glob(f"{temporary.name}*"):
        leftover.unlink()
    store = SqlAlchemyStore(f"sqlite:///{temporary.absolute()}", str(artifacts))
    store.engine.dispose()
    _put(temporary, database)


def _upgrade(database: Path) -> None:
    """Change the schema with a copy at hand; a copy found here is that of an upgrade which was killed."""
    before = database.with_name("mlflow.db.before")
    if before.exists():
        _copy(before, database)
    else:
        temporary = database.with_name(".before.tmp")
        temporary.unlink(missing_ok=True)
        _copy(database, temporary)
        _put(temporary, before)
    database.with_name("version").unlink(missing_ok=True)  # from here on, whoever comes next starts from the copy
    sync_folder(database.parent)
    try:
        _migrate(database)
    except Exception as exc:
        _copy(before, database)
        before.unlink()
        raise StoreError(
            f"MLflow's database cannot be brought to the schema of mlflow {_installed()}: {exc}",
            where=str(database),
            fix="install the version of mlflow that made it; the database is as it was",
        ) from exc
    before.unlink()


def _migrate(database: Path) -> None:
    from mlflow.store.db.utils import _upgrade_db, create_sqlalchemy_engine

    engine = create_sqlalchemy_engine(f"sqlite:///{database.absolute()}")
    try:
        _upgrade_db(engine)
    finally:
        engine.dispose()


def _copy(source: Path, target: Path) -> None:
    """Copy a whole database in one transaction, also while others use either."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def _put(temporary: Path, final: Path) -> None:
    descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(final)
    sync_folder(final.parent)
