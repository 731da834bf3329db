"""A project in a temporary folder, which is the current one while the test runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops.errors import Fault
from mlops.recipe import Recipe
from mlops.workspace import Workspace

TOY = Path(__file__).parent / "faults" / "plugins" / "toy.py"


@dataclass(frozen=True)
class Files:
    """The files of a project, and what the engine makes of them."""

    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Write files by their names below the project."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def check(self, text: str, *overrides: str) -> list[Fault]:
        """Find the mistakes of a recipe called x."""
        self.write({"recipes/x.yaml": text})
        return Workspace.here().check(["recipe=x", *overrides])[1]

    def recipe(self, text: str, *overrides: str) -> Recipe:
        """Load a recipe called x."""
        self.write({"recipes/x.yaml": text})
        return Workspace.here().recipe(["recipe=x", *overrides])


@pytest.fixture(scope="session", autouse=True)
def no_followers() -> Iterator[None]:
    """Let no run start a process that outlives its test, unless the test asks for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_NO_TRACKING", "1")
        yield


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """An empty project with the plugin ``toy``; what it imported is forgotten afterwards."""
    for folder in ("conf", "recipes", "plugins"):
        (tmp_path / folder).mkdir()
    shutil.copy(TOY, tmp_path / "plugins" / "toy.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield Files(tmp_path)
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
