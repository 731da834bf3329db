"""A project in git whose data DVC tracks; made once by DVC itself, and copied for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops.services.versions import Version
from mlops.stage import Place
from mlops_dvc.versions import Dvc

OLD, NEW = "id,price\n1,10\n", "id,price\n1,10\n2,20\n"


@dataclass(frozen=True)
class Lab:
    """A project and the programs that work on it."""

    root: Path

    @property
    def place(self) -> Place:
        return Place(self.root, self.root / ".mlops")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=True).stdout

    def commit(self, tag: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", tag)
        self.git("tag", tag)

    def dvc(self, *words: str) -> str:
        """DVC's own command line, as a person has it."""
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *words], cwd=self.root, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def find(self, path: str, rev: str = "") -> Version | None:
        return Dvc().find(path, rev=rev, place=self.place)

    def read(self, path: str, rev: str = "") -> dict[str, str]:
        """Name and text of each file that a path stands for."""
        version = self.find(path, rev)
        assert version is not None
        return {name: held.path.read_text(encoding="utf-8") for name, held in version.files.items()}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder that must stay empty."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def person(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with a name, and no settings of their own."""
    for name, value in _person(home).items():
        monkeypatch.setenv(name, value)


def _person(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "1",
        **{f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """data/orders.csv and data/parts/ under DVC, notes.csv under git, as of v1 and v2; a remote that has nothing."""
    before = dict(os.environ)
    os.environ.update(_person(home))
    try:
        lab = Lab(tmp_path_factory.mktemp("template"))
        lab.git("init", "-q", "-b", "main")
        lab.write(".gitignore", ".mlops/\n")
        lab.write("data/orders.csv", OLD)
        lab.write("data/parts/2.csv", "k\n2\n")
        lab.write("data/parts/deep/1.csv", "k\n1\n")
        lab.write("notes.csv", "n\n1\n")
        Dvc().track(["data/orders.csv", "data/parts"], place=lab.place)
        lab.commit("v1")
        lab.write("data/orders.csv", NEW)
        lab.write("notes.csv", "n\n2\n")
        Dvc().track(["data/orders.csv"], place=lab.place)
        lab.commit("v2")
        return lab.root
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Lab:
    """A project of one's own; its remote is the folder ``store`` beside it."""
    root = tmp_path / "project"
    shutil.copytree(template, root, symlinks=True)
    made = Lab(root)
    made.write(
        ".dvc/config",
        made.root.joinpath(".dvc/config").read_text() + f"['remote \"store\"']\n    url = {tmp_path}/store\n",
    )
    config = root / ".dvc" / "config"
    config.write_text(config.read_text().replace("[core]", "[core]\n    remote = store"))
    return made


@pytest.fixture
def bare(tmp_path: Path) -> Lab:
    """A project without git and without DVC."""
    (tmp_path / "bare").mkdir()
    return Lab(tmp_path / "bare")


Make = Callable[[str], Lab]
