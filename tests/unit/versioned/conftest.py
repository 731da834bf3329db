"""Snapshots of small tables, and a project whose version control needs no programs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops.formats.snapshot import Snapshot
from mlops.formats.table import Roles, Table
from mlops.project import Project
from mlops_polars.snapshot import snapshot_of

Snap = Callable[..., Snapshot]

PLUGIN = '''
"""Versions that lie in a folder: versions/REV/PATH, and versions/.remote/REV/PATH for what is not here."""
import hashlib, shutil
from pathlib import Path
from mlops.errors import ProjectError
from mlops.services.versions import Held, Version, Versions

class Folder(Versions):
    """Versions in folders."""

    def find(self, path, *, rev, place):
        if not rev:
            return None
        home = place.root / "versions"
        there = home / ".remote" / rev / path
        if not there.exists() and not (home / rev / path).exists():
            raise ProjectError(f"{path!r} is not in {rev}", fix="look into versions/")
        known = there if there.exists() else home / rev / path
        digest = "md5:" + hashlib.md5(known.read_bytes()).hexdigest()
        file = home / rev / path
        return Version(path, rev, f"commit of {rev}", digest, {path: Held(file, digest)}, (path,))

    def track(self, paths, *, place):
        return ()

    def push(self, transfer, *, place):
        return 0

    def pull(self, transfer, *, place):
        home = place.root / "versions"
        for path in transfer.paths:
            (home / transfer.rev / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(home / ".remote" / transfer.rev / path, home / transfer.rev / path)
        return len(transfer.paths)
'''


@pytest.fixture
def snap(tmp_path: Path) -> Snap:
    """Make the snapshot of columns."""
    numbers = count()

    def make(columns: Mapping[str, Any] | pl.DataFrame) -> Snapshot:
        home = tmp_path / f"snap{next(numbers)}"
        for name in ("table", "snapshot"):
            (home / name).mkdir(parents=True)
        table = Table.create(home / "table", pl.DataFrame(columns), roles=Roles())
        return snapshot_of(table, home / "snapshot")

    return make


@dataclass(frozen=True)
class Folders:
    """A project whose own plugin keeps versions in folders."""

    project: Project

    def write(self, name: str, text: str) -> Path:
        path = self.project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """A project whose own plugin keeps versions in folders; v1 of x.csv is here."""
    monkeypatch.syspath_prepend(str(tmp_path / "unused"))
    made = Folders(Project(tmp_path / "project"))
    name = f"folders_{hashlib.blake2b(str(tmp_path).encode(), digest_size=6).hexdigest()}"
    made.write(f"plugins/{name}.py", PLUGIN)
    made.write("conf/versions/default.yaml", f"# Versions in folders. mlops data log\n_target_: {name}.Folder\n")
    made.write("versions/v1/x.csv", "k\n1\n")
    return made
